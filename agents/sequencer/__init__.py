"""The sequencer: one actor owns each order; it alone writes the order's row and says what is to be done."""
