package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// Client calls the API of one server. It can be used by many at once.
type Client struct {
	Server  string       // address of the API, such as "https://safe.example/api/v1"
	HTTP    *http.Client // nil: http.DefaultClient
	Editors []Editor     // of every request, before those of the call
}

// Editor changes a request before it is sent, as [Bearer] and [Header] do.
type Editor func(context.Context, *http.Request) error

// Answer is that to a request which was carried out.
type Answer[T any] struct {
	Status int
	Header http.Header
	Value  T // zero with status 304
}

// Error tells a refusal: every method returns it as *Problem, to be told by its Type and
// shown by its Title.
func (p *Problem) Error() string { return p.Type + ": " + p.Title }

// outgoing is one request on its way.
type outgoing struct {
	method, path string
	query        url.Values
	header       http.Header
	json         any // of the body; nil: body, if anything
	contentType  string
	body         io.Reader
}

// at puts what names something into a path.
func at(format string, names ...any) string {
	for i, name := range names {
		names[i] = url.PathEscape(fmt.Sprint(name))
	}
	return fmt.Sprintf(format, names...)
}

// ask adds a parameter to the address, and head one to the header. A nil pointer adds none.
func (r *outgoing) ask(name string, value any) {
	if text, given := spelled(value); given {
		if r.query == nil {
			r.query = url.Values{}
		}
		r.query.Set(name, text)
	}
}

func (r *outgoing) head(name string, value any) {
	if text, given := spelled(value); given {
		if r.header == nil {
			r.header = http.Header{}
		}
		r.header.Set(name, text)
	}
}

func spelled(value any) (text string, given bool) {
	v := reflect.ValueOf(value)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", false
		}
		v = v.Elem()
	}
	return fmt.Sprint(v.Interface()), true
}

// call sends a request and reads what is answered.
func call[T any](ctx context.Context, c *Client, r *outgoing, editors []Editor) (*Answer[T], error) {
	said, err := c.send(ctx, r, editors)
	if err != nil {
		return nil, err
	}
	defer said.Body.Close()
	body, err := io.ReadAll(said.Body)
	if err != nil {
		return nil, err
	}
	if err := refusal(said, body); err != nil {
		return nil, err
	}
	answer := &Answer[T]{Status: said.StatusCode, Header: said.Header}
	if raw, wanted := any(&answer.Value).(*[]byte); wanted {
		*raw = body
		return answer, nil
	}
	if len(body) > 0 {
		err = json.Unmarshal(body, &answer.Value)
	}
	return answer, err
}

func (c *Client) send(ctx context.Context, r *outgoing, editors []Editor) (*http.Response, error) {
	if r.json != nil {
		raw, err := json.Marshal(r.json)
		if err != nil {
			return nil, err
		}
		r.contentType, r.body = "application/json", bytes.NewReader(raw)
	}
	address := strings.TrimSuffix(c.Server, "/") + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	out, err := http.NewRequestWithContext(ctx, r.method, address, r.body)
	if err != nil {
		return nil, err
	}
	if r.header != nil {
		out.Header = r.header
	}
	if r.contentType != "" {
		out.Header.Set("Content-Type", r.contentType)
	}
	for _, all := range [][]Editor{c.Editors, editors} {
		for _, edit := range all {
			if err := edit(ctx, out); err != nil {
				return nil, err
			}
		}
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	return client.Do(out)
}

// refusal is what was refused, or done and not confirmed (202); nil: neither.
func refusal(said *http.Response, body []byte) error {
	kind, _, _ := mime.ParseMediaType(said.Header.Get("Content-Type")) // what has none is no problem
	isProblem := kind == "application/problem+json"
	if said.StatusCode < 400 && !isProblem {
		return nil
	}
	var p Problem
	if !isProblem || json.Unmarshal(body, &p) != nil {
		return errors.New("apiclient: " + said.Status) // of something on the way
	}
	return &p
}
