package check_test

// Drivers of services elsewhere, which the program has with -tags services: tests
// of servers over them need no tag.
import (
	_ "reconnect.example/storage/bucket/s3bucket"
	_ "reconnect.example/storage/postgresstore"
)
