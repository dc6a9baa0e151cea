"""`kenko doctor`: gather facts in shells, judge them in pure functions, say each fault with its mend."""
