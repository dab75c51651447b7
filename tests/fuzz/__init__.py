"""Inputs that nobody meant: every reader gives a value or an error of ours, soon, and in little memory."""
