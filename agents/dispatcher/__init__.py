"""The dispatcher: owns one account of a vendor, and carries each command to one end."""
