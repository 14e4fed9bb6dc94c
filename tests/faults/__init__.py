"""What goes wrong on real machines, done to the real scripts: bad files, kills, full disks, hostile input."""
