user:password
