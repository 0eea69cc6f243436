"""The live endpoint of a hashtag, which serves its approved model for as long as somebody wants it."""
