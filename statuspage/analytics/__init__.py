"""Analytics: how soon people heard, which promises were kept, whom the words reached. Facts in, figures out.

`reading` alone asks the database; what the facts amount to is worked out without it.
"""
