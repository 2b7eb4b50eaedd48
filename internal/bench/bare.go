package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// bareFolder makes this program the bare server of P2, which keeps bodies in
// that folder.
const bareFolder = "RECONNECT_BENCH_BARE"

// serveBare is the least that a server can do and still be durable: each body
// is written to a file and synced, and each file is sent as the kernel can.
func serveBare(ctx context.Context, folder string, out io.Writer) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /documents/{name}", func(w http.ResponseWriter, r *http.Request) {
		if err := keep(filepath.Join(folder, r.PathValue("name")), r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	mux.HandleFunc("GET /documents/{name}", func(w http.ResponseWriter, r *http.Request) {
		if err := send(w, filepath.Join(folder, r.PathValue("name"))); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	fmt.Fprintf(out, "http://%s\n", listener.Addr())
	if err := s.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func keep(path string, body io.Reader) error {
	f, err := os.Create(path) //nolint:gosec // a measurement's own folder
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	return errors.Join(err, f.Sync(), f.Close())
}

func send(w http.ResponseWriter, path string) error {
	f, err := os.Open(path) //nolint:gosec // a measurement's own folder
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	_, err = io.Copy(w, f)
	return err
}

// startBare starts this program again as the bare server.
func startBare(ctx context.Context, folder string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self) //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), bareFolder+"="+folder)
	return startServer(ctx, cmd)
}
