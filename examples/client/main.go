// Command client keeps a paper in somebody's space through the API of a server, and reads it back.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"

	"reconnect.example/refserver/api/apiclient"
)

func main() {
	// The address of the API, such as http://localhost:8080/api/v1, and what the person types.
	if err := run(context.Background(), os.Getenv("API"), os.Getenv("LOGIN"), os.Getenv("PASSWORD"), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address, login, password string, out io.Writer) error {
	client := &apiclient.Client{Server: address, Editors: []apiclient.Editor{apiclient.Header("Accept-Language", "fr")}}
	in, err := client.SignIn(ctx, apiclient.SignInRequest{Login: login, Password: password})
	if err != nil {
		return err // a refusal is an *apiclient.Problem: to be told by its Type, and to be shown by its Title
	}
	person := apiclient.Bearer(in.Value.Token)

	// A phone that loses the network sends the same request again, under the same key.
	key := "scan-0001"
	about := &apiclient.AddDocumentParams{DocumentName: url.PathEscape("Carte d'identité"), IdempotencyKey: &key}
	added, err := client.AddDocument(ctx, about, "image/jpeg", bytes.NewReader([]byte("a photo")), person)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "kept:", added.Value.Name, added.Value.Compartment)

	content, err := client.ReadContent(ctx, added.Value.Id, nil, person)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "read:", string(content.Value))

	_, err = client.SignOut(ctx, person)
	return err
}
