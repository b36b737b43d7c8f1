"""The health check: what `S3Client.check` reports and `s3i doctor` prints.

report.py    what comes of it: a line for each thing that was looked at
steps.py     what is looked at, as a table
visit.py     asking, each thing once and in bounded time
judging.py, judging_access.py   from what was found to lines; pure
writing.py   the one check that changes something, only where it is asked for
examine.py   all steps, one after the other
"""
