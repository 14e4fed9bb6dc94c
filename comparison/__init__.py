"""What script 8 is made of, one subject per module: cases, answering, provenance, metrics, intervals, verdict, page."""
