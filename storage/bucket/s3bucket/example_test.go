package s3bucket_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http/httptest"

	"reconnect.example/internal/testservices"
	"reconnect.example/storage"
	_ "reconnect.example/storage/bucket/s3bucket"
)

// A service keeps its documents at a host whose storage speaks the language of
// S3. Here a server in this process plays it.
func Example() {
	host := httptest.NewServer(testservices.S3Handler("vault"))
	defer host.Close()

	ctx := context.Background()
	blobs, err := storage.OpenBlobs(ctx, "s3://vault?prefix=blobs/&region=us-east-1&hostname_immutable=true&use_path_style=true&endpoint="+host.URL)
	if err != nil {
		log.Fatal(err)
	}
	defer blobs.Close()

	w, err := blobs.Create(ctx, "0f3a/1", 6)
	if err != nil {
		log.Fatal(err)
	}
	defer w.Abort() // does nothing after Close
	if _, err := io.WriteString(w, "sealed"); err != nil {
		log.Fatal(err)
	}
	if err := w.Close(); err != nil { // durable, and visible, from here on
		log.Fatal(err)
	}

	r, err := blobs.Open(ctx, "0f3a/1", 0, -1)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	fmt.Println(string(content), err)
	// Output: sealed <nil>
}
