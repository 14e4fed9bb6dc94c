"""What two or more of the scripts share, one subject per module. Nothing in here imports a script."""
