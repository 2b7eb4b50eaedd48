package witness

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"reconnect.example/internal/seal"
)

// The limits of a server. Whoever has no identity that it knows gets as far as
// the handshake.
const (
	headerLimit   = 10 * time.Second // for the handshake, and for a request's header
	requestLimit  = 30 * time.Second // for a whole request
	callLimit     = 30 * time.Second // for waiting for a place and doing what was asked
	answerLimit   = 60 * time.Second // from a request's header to the end of its answer
	idleLimit     = 2 * time.Minute  // between two requests of a connection
	headerBytes   = 8 << 10
	defaultCalls  = 64
	mostCalls     = 4096
	largeCalls    = 4  // of one client at once that may take megabytes each
	longestClient = 64 // bytes of a client's name
)

// ServerConfig is what a server needs. Identity and Clients are required.
type ServerConfig struct {
	// Identity is what the clients know the server by.
	Identity *Identity
	// Clients are whom the server answers. One that changes its identity is here
	// twice for a while, with the same Witness.
	Clients []ServedClient
	// Calls is how many calls of one client are worked on at once; others wait, and
	// are refused after half a minute. No client takes another's places. 0: 64.
	Calls int
	// Failed is told of calls that failed through no fault of the client:
	// ErrDamaged, ErrUnavailable, ErrClosed. The error names keys of the witness's
	// store, and no secret. It may be called from many goroutines. nil: nobody.
	Failed func(client, call string, err error)
}

// ServedClient is one service that a server is the witness of.
type ServedClient struct {
	// Name tells it from others where Failed is told of it.
	Name string
	// Key is the public key of its identity.
	Key PublicKey
	// Witness is its own, over a store that no other client's has. Under in package
	// storage divides one store among many.
	Witness *Witness
}

func (c *ServerConfig) check() error {
	var problems []error
	problem := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...))
	}
	if c.Identity == nil {
		problem("Identity is missing")
	}
	if len(c.Clients) == 0 {
		problem("Clients is empty")
	}
	if c.Calls < 0 || c.Calls > mostCalls {
		problem("Calls is %d, not between 0 and %d", c.Calls, mostCalls)
	}
	known := map[PublicKey]bool{}
	for i, client := range c.Clients {
		if client.Name == "" || len(client.Name) > longestClient {
			problem("Clients[%d].Name is empty or longer than %d bytes", i, longestClient)
		}
		if err := seal.CheckPublic(client.Key[:]); err != nil {
			problem("Clients[%d].Key is missing, or no public key", i)
		}
		if known[client.Key] {
			problem("Clients[%d].Key is that of another client, too", i)
		}
		known[client.Key] = true
		if client.Witness == nil {
			problem("Clients[%d].Witness is missing", i)
		}
	}
	return errors.Join(problems...)
}

// Server lets services elsewhere use a witness: [NewClient] is the other side.
// Each client is known by its key, which it proves in the handshake of TLS, and
// reaches its own [Witness] and nothing else. The server holds no state; close
// the witnesses after it was shut down.
type Server struct {
	tls     *tls.Config
	clients map[PublicKey]*servedClient
	calls   map[string]call
	failed  func(client, call string, err error)
}

// servedClient has its places beside it, so that one client's calls never keep
// another's waiting.
type servedClient struct {
	ServedClient
	places chan struct{}
	large  chan struct{} // besides, for a call that may take much memory
}

// NewServer checks the configuration and names every problem at once
// (ErrInvalid).
func NewServer(cfg ServerConfig) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Calls == 0 {
		cfg.Calls = defaultCalls
	}
	s := &Server{clients: map[PublicKey]*servedClient{}, calls: serverCalls(), failed: cfg.Failed}
	for _, c := range cfg.Clients {
		s.clients[c.Key] = &servedClient{ServedClient: c, places: make(chan struct{}, cfg.Calls), large: make(chan struct{}, largeCalls)}
	}
	var err error
	s.tls, err = cfg.Identity.tls(func(key PublicKey) error {
		if s.clients[key] == nil {
			return errors.New("no client with this key")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.tls.ClientAuth = tls.RequireAnyClientCert // any: VerifyConnection says whose
	return s, nil
}

// HTTP returns a server of net/http with everything set that the protocol needs:
// TLS 1.3 with the keys of the clients and nobody else's, HTTP/1.1, every limit
// of time and size. The caller sets ErrorLog (it names addresses of strangers, and
// goes to standard error otherwise), runs it and ends it:
//
//	h := server.HTTP()
//	go h.ServeTLS(listener, "", "")
//	...
//	h.Shutdown(ctx) // then close the witnesses, then their stores
func (s *Server) HTTP() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // whose limits of time hold for each request
	return &http.Server{
		Handler:           s,
		TLSConfig:         s.tls.Clone(),
		Protocols:         protocols,
		ReadHeaderTimeout: headerLimit,
		ReadTimeout:       requestLimit,
		WriteTimeout:      answerLimit,
		IdleTimeout:       idleLimit,
		MaxHeaderBytes:    headerBytes,
	}
}

// ServeHTTP implements [http.Handler]. It answers only what came over TLS from a
// client it knows, however it is served; [Server.HTTP] is the way to serve it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	client := s.clientOf(r)
	if client == nil {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if r.URL.Path == healthPath {
		s.health(w, r, client)
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, wirePath)
	call, known := s.calls[name]
	contentType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case !ok || !known:
		s.refuse(w, codeUnknownCall, http.StatusNotFound)
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		s.refuse(w, codeUnknownCall, http.StatusMethodNotAllowed)
	case err != nil || contentType != wireType:
		s.refuse(w, codeUnknownCall, http.StatusUnsupportedMediaType)
	default:
		s.serve(w, r, client, name, call)
	}
}

// enter waits for a place, at most until ctx ends; end it with leave.
func enter(ctx context.Context, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func leave(places chan struct{}) { <-places }

// clientOf returns whose connection it is. The handshake has refused everybody
// else; a handler that was mounted without it must do so, too.
func (s *Server) clientOf(r *http.Request) *servedClient {
	if r.TLS == nil {
		return nil
	}
	key, err := peerKey(r.TLS)
	if err != nil {
		return nil
	}
	return s.clients[key]
}

// serve does one call. Its places are taken before its body is read, so that a
// client cannot fill the memory with bodies that wait.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, client *servedClient, name string, call call) {
	ctx, cancel := context.WithTimeout(r.Context(), callLimit)
	defer cancel()
	if call.large {
		if !enter(ctx, client.large) {
			s.refuse(w, codeUnavailable, http.StatusServiceUnavailable)
			return
		}
		defer leave(client.large)
	}
	if !enter(ctx, client.places) {
		s.refuse(w, codeUnavailable, http.StatusServiceUnavailable)
		return
	}
	defer leave(client.places)
	if r.ContentLength > call.request {
		s.refuse(w, codeInvalid, http.StatusRequestEntityTooLarge)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, call.request))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			s.refuse(w, codeInvalid, http.StatusRequestEntityTooLarge)
		} else {
			s.refuse(w, codeUnavailable, http.StatusBadRequest) // it broke off, or is too slow
		}
		return
	}
	answer, err := call.do(ctx, client.Witness, body)
	if err != nil {
		s.fail(w, r, client, name, err)
		return
	}
	s.answer(w, http.StatusOK, answer)
}

// fail answers with an error. Its text stays here: it may name files of this machine.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, client *servedClient, call string, err error) {
	code, status := codeOf(err)
	// Who went away before the answer makes a call fail, too, and is nobody's fault.
	if status >= http.StatusInternalServerError && r.Context().Err() == nil && s.failed != nil {
		s.failed(client.Name, call, err)
	}
	s.refuse(w, code, status)
}

// health says whether the client's witness, and the store it is over, answers.
func (s *Server) health(w http.ResponseWriter, r *http.Request, client *servedClient) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		s.refuse(w, codeUnknownCall, http.StatusMethodNotAllowed)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), callLimit)
	defer cancel()
	if _, err := client.Witness.Latest(ctx, [16]byte{}); err != nil { // costs one Get
		s.fail(w, r, client, "health", err)
		return
	}
	s.answer(w, http.StatusOK, healthAnswer{Healthy: true})
}

func (s *Server) refuse(w http.ResponseWriter, code string, status int) {
	s.answer(w, status, refusal{Code: code})
}

func (s *Server) answer(w http.ResponseWriter, status int, message any) {
	body, err := encodeWire(message)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"code":"`+codeUnavailable+`"}`)
	}
	w.Header().Set("Content-Type", wireType)
	w.Header().Set("Content-Length", fmt.Sprint(len(body))) // so that a cut answer is seen to be cut
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever does not hear it asks again
}
