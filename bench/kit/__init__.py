"""What the measurements share: the machine's facts, programs that are run and ended, raw results, the stack's file.

Python 3 and its standard library; Linux.
"""
