// Command client keeps a paper in somebody's space through the API of a server, and reads it back.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"

	"reconnect.example/refserver/api/apiclient"
)

func main() {
	// The address of the API, such as http://localhost:8080/api/v1/, and what the person types.
	if err := run(context.Background(), os.Getenv("API"), os.Getenv("LOGIN"), os.Getenv("PASSWORD"), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address, login, password string, out io.Writer) error {
	client, err := apiclient.NewClientWithResponses(address, apiclient.WithRequestEditorFn(apiclient.Header("Accept-Language", "fr")))
	if err != nil {
		return err
	}
	in, err := client.SignInWithResponse(ctx, apiclient.SignInRequest{Login: login, Password: password})
	if err != nil {
		return err
	}
	if in.JSON201 == nil { // a problem: to be told by its type, and to be shown by its title
		return refused(in.ApplicationproblemJSONDefault)
	}
	person := apiclient.Bearer(in.JSON201.Token)

	// A phone that loses the network sends the same request again, under the same key.
	key := "scan-0001"
	about := &apiclient.AddDocumentParams{DocumentName: url.PathEscape("Carte d'identité"), IdempotencyKey: &key}
	added, err := client.AddDocumentWithBodyWithResponse(ctx, about, "image/jpeg", bytes.NewReader([]byte("a photo")), person)
	if err != nil {
		return err
	}
	if added.JSON201 == nil {
		return refused(added.ApplicationproblemJSONDefault)
	}
	fmt.Fprintln(out, "kept:", added.JSON201.Name, added.JSON201.Compartment)

	content, err := client.ReadContentWithResponse(ctx, added.JSON201.Id, nil, person)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "read:", string(content.Body))

	gone, err := client.SignOutWithResponse(ctx, person)
	if err != nil {
		return err
	}
	return refused(gone.ApplicationproblemJSONDefault)
}

func refused(p *apiclient.Problem) error {
	if p == nil {
		return nil
	}
	return errors.New(p.Type + ": " + p.Title)
}
