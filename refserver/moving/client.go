package moving

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"reconnect.example/refserver/outbound"
	"reconnect.example/vault"
)

// Bounds of what is asked and answered.
const (
	waits      = 2 * time.Minute // for one part of a bundle
	mostAnswer = 64 << 10        // bytes of an answer
)

// Options are what an operator may loosen.
type Options struct {
	// Private lets bundles go to servers in private networks, and with http:// to this
	// machine. A person names the address: without it nobody can have this server speak to
	// what trusts its network.
	Private bool
}

// Client sends bundles to the servers that codes name. Safe for many goroutines.
type Client struct{ out *outbound.Client }

// New returns a client.
func New(opts *Options) *Client {
	if opts == nil {
		opts = &Options{}
	}
	return &Client{outbound.New(&outbound.Options{Loopback: opts.Private, Private: opts.Private, Waits: waits})}
}

// To is the server at the address of a code. ErrAddress for one that nothing is sent to.
func (c *Client) To(where string) (vault.TransferTo, error) {
	u, err := url.Parse(where)
	if err != nil || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Path != "" && u.Path != "/" || c.out.CheckURL(where) != nil {
		return nil, ErrAddress
	}
	return &server{out: c.out, at: strings.TrimSuffix(where, "/") + Path}, nil
}

type server struct {
	out *outbound.Client
	at  string
}

func (s *server) TransferKeys(ctx context.Context, k vault.TransferTicket) (vault.TransferKeys, error) {
	var said Keys
	if err := s.ask(ctx, k, http.MethodGet, "", nil, &said); err != nil {
		return vault.TransferKeys{}, err
	}
	return vault.TransferKeys(said), nil
}

func (s *server) BeginTransfer(ctx context.Context, k vault.TransferTicket, o vault.TransferOffer) (int64, error) {
	body, err := json.Marshal(Offer{Size: o.Size, Digest: o.Digest[:], Box: o.Box})
	if err != nil {
		return 0, err
	}
	var said Progress
	err = s.ask(ctx, k, http.MethodPut, "", bytes.NewReader(body), &said)
	return said.Offset, err
}

func (s *server) AppendTransfer(ctx context.Context, k vault.TransferTicket, offset int64, r io.Reader) (int64, error) {
	// The reader's own faults are told apart from those of the network.
	from := &reading{from: r}
	answer, err := s.send(ctx, k, http.MethodPatch, Bundle, from, http.Header{
		"Content-Type": {MediaType}, HeaderOffset: {strconv.FormatInt(offset, 10)},
	})
	if failed := from.end(); err != nil {
		return 0, errors.Join(failed, err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	next, bad := strconv.ParseInt(answer.Header.Get(HeaderOffset), 10, 64)
	if refused := refusal(answer); refused != nil {
		if errors.Is(refused, vault.ErrOffset) && bad == nil {
			return 0, &vault.OffsetError{Offset: next}
		}
		return 0, refused
	}
	if bad != nil {
		return 0, ErrAway
	}
	return next, nil
}

func (s *server) TransferReceipt(ctx context.Context, k vault.TransferTicket) ([]byte, error) {
	var said Signed
	err := s.ask(ctx, k, http.MethodGet, Receipt, nil, &said)
	return said.Receipt, err
}

// ask sends a request in JSON.
func (s *server) ask(ctx context.Context, k vault.TransferTicket, method, to string, body io.Reader, said any) error {
	answer, err := s.send(ctx, k, method, to, body, http.Header{"Content-Type": {"application/json"}})
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	if err := refusal(answer); err != nil {
		return err
	}
	raw, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	if err != nil {
		return cut(ctx)
	}
	if json.Unmarshal(raw, said) != nil {
		return ErrAway
	}
	return nil
}

func (s *server) send(ctx context.Context, k vault.TransferTicket, method, to string, body io.Reader, header http.Header) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.at+to, body)
	if err != nil {
		return nil, ErrAddress
	}
	if body != nil {
		r.Header = header
	}
	r.Header.Set("Authorization", "Bearer "+TicketText(k))
	r.Header.Set("Accept-Language", "en")
	answer, err := s.out.Do(r)
	switch {
	case err == nil:
		return answer, nil
	case errors.Is(err, outbound.ErrAddress), errors.Is(err, outbound.ErrURL):
		return nil, ErrAddress
	}
	return nil, cut(ctx)
}

// cut is the error of a connection that broke off: the network's own names the address.
func cut(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return ErrAway
}

// refusal tells what the other server refused, by the stable names of its problems; nil
// if it did what was asked. A redirect is not followed: ErrAway.
func refusal(answer *http.Response) error {
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/problem+json" {
		return ErrAway
	}
	var problem struct {
		Type string `json:"type"`
	}
	raw, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	if err != nil || json.Unmarshal(raw, &problem) != nil {
		return ErrAway
	}
	switch path.Base(problem.Type) {
	case "not-found", "repeated":
		return ErrOver
	case "full":
		return ErrNoRoom
	case "offset":
		return vault.ErrOffset
	}
	return ErrAway
}

// reading keeps what a reader failed with. A transport may go on reading after it has
// answered: what is behind is closed by then, and so it reads nothing more.
type reading struct {
	mu     sync.Mutex
	from   io.Reader
	failed error
	ended  bool
}

func (r *reading) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return 0, io.ErrClosedPipe
	}
	n, err := r.from.Read(p)
	if err != nil && err != io.EOF {
		r.failed = err
	}
	return n, err
}

func (r *reading) end() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	return r.failed
}
