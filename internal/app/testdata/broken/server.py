raise SystemExit("no such table: books")
