package witness_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// A witness for the services of several organisations. Each side makes an
// identity once, and tells the other its public key: by telephone, on paper, by
// whatever the two trust.
func ExampleNewServer() {
	folder, err := os.MkdirTemp("", "witness")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	operator, err := witness.OpenIdentity(filepath.Join(folder, "operator-witness.key")) // on the service's machine
	if err != nil {
		fmt.Println(err)
		return
	}
	end, url, key, err := serveWitness(folder, operator.Public())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer end()

	// The service: what vault.Config takes as Checkpoints and as Limiter.
	client, err := witness.NewClient(witness.ClientConfig{URL: url, Identity: operator, Server: key})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println(client.Health(context.Background()))
	tries, err := client.Count(context.Background(), [16]byte{1}, [32]byte{2})
	fmt.Println(tries.Total, tries.Wait, err)
	// Output:
	// <nil>
	// 1 0s <nil>
}

// serveWitness runs a witness with one client until end is called.
func serveWitness(folder string, client witness.PublicKey) (end func(), url string, key witness.PublicKey, err error) {
	identity, err := witness.OpenIdentity(filepath.Join(folder, "witness.key"))
	if err != nil {
		return nil, "", key, err
	}
	store := storage.New(memstore.New()) // in earnest: storage.Open(ctx, "sqlite:///var/lib/witness/witness.db")
	w, err := witness.New(witness.Config{Store: store.Under("client/paris/")})
	if err != nil {
		return nil, "", key, err
	}
	server, err := witness.NewServer(witness.ServerConfig{
		Identity: identity,
		Clients:  []witness.ServedClient{{Name: "paris", Key: client, Witness: w}},
		Failed:   func(client, call string, err error) { fmt.Println(client, call, err) }, // in earnest: into the log
	})
	if err != nil {
		return nil, "", key, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", key, err
	}
	h := server.HTTP()
	h.ErrorLog = log.New(io.Discard, "", 0) // strangers that were refused
	ended := make(chan error)
	go func() { ended <- h.ServeTLS(listener, "", "") }()
	end = func() { // first the calls, then the witness, then its store
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := errors.Join(h.Shutdown(ctx), <-ended); !errors.Is(err, http.ErrServerClosed) {
			fmt.Println(err)
		}
		if err := errors.Join(w.Close(), store.Close()); err != nil {
			fmt.Println(err)
		}
	}
	return end, "https://" + listener.Addr().String(), identity.Public(), nil
}
