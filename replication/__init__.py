"""The replication: every experiment, figure and verdict of the book, on top of `noiseprune`.

It needs a checkout, since results are stored there: ``python -m replication`` lists, runs, checks
and judges them.
"""
