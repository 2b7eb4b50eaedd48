package witness

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"reconnect.example/internal/seal"
)

// The bounds of [ClientConfig].
const (
	defaultTimeout     = 10 * time.Second
	longestTimeout     = time.Minute
	defaultConnections = 16
	mostConnections    = 1024
	connectLimit       = 10 * time.Second // for a connection, and for its handshake
	clientIdleLimit    = 30 * time.Second // well below the server's, which so never ends one that is about to be used
)

// ClientConfig is what a client needs. The first three are required.
type ClientConfig struct {
	// URL is where the server is: https://witness.example.org:8443, and nothing more.
	URL string
	// Identity is what the server knows this client by.
	Identity *Identity
	// Server is the public key of the server's identity.
	Server PublicKey

	Timeout     time.Duration // of one call, at most a minute; the context may say less. 0: 10 s
	Connections int           // how many calls are under way at once; others wait for one to end. 0: 16
}

func (c *ClientConfig) check() error {
	var problems []error
	problem := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...))
	}
	// The error of url.Parse, and the URL, are not repeated: somebody may have put a password there.
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Path != "" && u.Path != "/" ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		problem("URL is not https:// with a host and nothing more")
	}
	if c.Identity == nil {
		problem("Identity is missing")
	}
	if seal.CheckPublic(c.Server[:]) != nil {
		problem("Server, the public key of the witness, is missing, or no public key")
	}
	if c.Timeout < 0 || c.Timeout > longestTimeout {
		problem("Timeout is %s, not between 0 and %s", c.Timeout, longestTimeout)
	}
	if c.Connections < 0 || c.Connections > mostConnections {
		problem("Connections is %d, not between 0 and %d", c.Connections, mostConnections)
	}
	return errors.Join(problems...)
}

// Client is a witness in another place, with the methods of [Witness] that a
// service needs: what they promise there they promise here, and what is durable
// there when they return is durable here. Its methods may be called from many
// goroutines. Connections are kept and used again; a call is one round trip.
//
// Every error of the server comes back as what it was there. ErrUnavailable is
// also the answer where the server was not reached, is not the one whose key was
// given, does not know this client's, or answers what it should not: treat each
// as a witness that is away. The outcome of a call is then unknown. Every call
// but Count and Evaluate may be repeated, and the client itself does so where a
// connection that it kept turns out to have ended. Those two are never repeated: a
// try whose answer was lost may be counted, and must be treated as refused.
//
// A client takes nobody's word for the contents of an answer: the owner side, an
// owner head and a restore statement are signed, and their reader verifies them.
type Client struct {
	base    string
	timeout time.Duration
	http    *http.Client
	closed  atomic.Bool
}

// NewClient checks the configuration and names every problem at once
// (ErrInvalid). It does not ask whether the server is there; see
// [Client.Health]. End it with [Client.Close].
func NewClient(cfg ClientConfig) (*Client, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Connections == 0 {
		cfg.Connections = defaultConnections
	}
	trusted, err := cfg.Identity.tls(func(key PublicKey) error {
		if key != cfg.Server {
			return errors.New("the server has another key than the one given")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// There is no chain and no name to verify, only the key, which VerifyConnection
	// compares. Somebody in the middle has another one (D4).
	trusted.InsecureSkipVerify = true //nolint:gosec // as said
	u, _ := url.Parse(cfg.URL)        // checked above
	return &Client{
		base:    "https://" + u.Host,
		timeout: cfg.Timeout,
		http: &http.Client{
			Transport: &http.Transport{
				DialContext:            (&net.Dialer{Timeout: connectLimit}).DialContext, // and no proxy
				TLSClientConfig:        trusted,
				TLSHandshakeTimeout:    connectLimit,
				MaxConnsPerHost:        cfg.Connections,
				MaxIdleConnsPerHost:    cfg.Connections,
				IdleConnTimeout:        clientIdleLimit,
				MaxResponseHeaderBytes: headerBytes,
				DisableCompression:     true, // an answer of one kilobyte does not become a gigabyte
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Close ends the connections that no call is using; calls after it answer
// ErrClosed. It closes nothing at the server.
func (c *Client) Close() error {
	c.closed.Store(true)
	c.http.CloseIdleConnections()
	return nil
}

// Health returns nil if the server answers and the store of its witness, too.
func (c *Client) Health(ctx context.Context) error {
	answer, err := exchange[healthAnswer](ctx, c, healthPath, nil, smallMessage, mayRepeat)
	if err == nil && !answer.Healthy {
		err = errAstray
	}
	return closedSet("health", err)
}

// Whether a request may be sent again where a connection that was kept ended
// before the answer.
const (
	mayRepeat = true
	onlyOnce  = false
)

var (
	errAstray   = errors.New("the answer is not one to this request")
	errTooLarge = errors.New("the answer is too large")
)

// ask sends a request of one call and reads its answer of at most limit bytes.
// requests that are larger than the server takes are refused here.
func ask[Answer any](ctx context.Context, c *Client, name string, request any, most, limit int64, repeat bool) (*Answer, error) {
	body, err := encodeWire(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if int64(len(body)) > most {
		return nil, fmt.Errorf("%w: a request of %d bytes, more than %d", ErrInvalid, len(body), most)
	}
	return exchange[Answer](ctx, c, wirePath+name, body, limit, repeat)
}

// exchange is one round trip. Without a body it is a GET. Where a connection that
// was kept turns out to have ended, a request that may be repeated is sent again,
// on another; on a new one it was sent once, and its failure is the answer.
func exchange[Answer any](ctx context.Context, c *Client, path string, body []byte, limit int64, repeat bool) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for {
		if c.closed.Load() {
			return nil, ErrClosed
		}
		status, answer, kept, err := c.send(ctx, path, body, limit)
		switch {
		case err != nil && kept && repeat && ctx.Err() == nil:
			continue
		case err != nil:
			return nil, explained(err)
		case status != http.StatusOK:
			return nil, refused(status, answer)
		}
		read := new(Answer)
		return read, decodeWire(answer, read)
	}
}

// send sends a request and reads its answer; kept says that it was on a
// connection that had been used before. It sends a request once: what net/http
// repeats by itself is a POST of which no byte was written.
func (c *Client) send(ctx context.Context, path string, body []byte, limit int64) (status int, answer []byte, kept bool, err error) {
	var reused atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(conn httptrace.GotConnInfo) { reused.Store(conn.Reused) }})
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, false, err
	}
	request.Header.Set("Content-Type", wireType)
	response, err := c.http.Do(request)
	if err != nil {
		return 0, nil, reused.Load(), err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		limit = smallMessage
	}
	if response.Header.Get("Content-Type") != wireType {
		return 0, nil, false, fmt.Errorf("status %d: %w", response.StatusCode, errSpelling)
	}
	answer, err = io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil { // it ended early
		return 0, nil, reused.Load(), err
	}
	if int64(len(answer)) > limit {
		return 0, nil, false, errTooLarge
	}
	return response.StatusCode, answer, false, nil
}

// refused turns an answer that is no success into what it says.
func refused(status int, answer []byte) error {
	var r refusal
	if err := decodeWire(answer, &r); err != nil {
		return fmt.Errorf("status %d: %w", status, err)
	}
	err := errorOf(r.Code)
	if errors.Is(err, ErrUnavailable) {
		return fmt.Errorf("status %d: %w", status, err)
	}
	return err
}

// explained says what a refused handshake means, to who set the witness up.
func explained(err error) error {
	var alert tls.AlertError
	if errors.As(err, &alert) {
		return fmt.Errorf("the witness refused this client's identity, or is not one: %w", err)
	}
	return err
}
