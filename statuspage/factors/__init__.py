"""What colleagues prove themselves with beside their password: passkeys, six digits, recovery codes, known devices."""
