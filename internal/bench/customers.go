package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type digest = [sha256.Size]byte

// customer is somebody for whom clients ask, and what the server owes them.
type customer struct {
	login, secret string
	caller        atomic.Pointer[caller] // of the latest sign-in

	mu   sync.Mutex
	sent map[digest]bool   // every paper, acknowledged or not
	kept map[string]digest // by id: what was acknowledged
	ids  []string          // of kept, to choose from
}

// owed is what was acknowledged so far.
func (p *customer) owed() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ids[:len(p.ids):len(p.ids)] // only ever appended to
}

func (p *customer) digestOf(id string) digest {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept[id]
}

// Each of these sends one request and checks the answer; timed is how long it took until
// the last byte of the answer was there, without the checking.

func (m *mixed) signIn(ctx context.Context, p *customer, timed *time.Duration) error {
	began := time.Now()
	c, err := m.server.signIn(ctx, p.login, p.secret)
	*timed = time.Since(began)
	if err != nil {
		return err
	}
	if c.token == "" || p.caller.Load() != nil && c.id != p.caller.Load().id {
		return errors.New("somebody else's space was opened")
	}
	p.caller.Store(c)
	return nil
}

func (m *mixed) list(ctx context.Context, p *customer, timed *time.Duration) error {
	owed := p.owed()
	listed, err := listPapers(ctx, p, timed)
	if err != nil {
		return err
	}
	for _, id := range owed {
		if want := p.digestOf(id); listed[id] != hex.EncodeToString(want[:]) {
			return errors.New("a paper was acknowledged and is not in the list as it was sent")
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, text := range listed {
		var sum digest
		if _, err := hex.Decode(sum[:], []byte(text)); err != nil || !p.sent[sum] {
			return errors.New("a paper is in the list that nobody sent")
		}
	}
	return nil
}

// listPapers lists every paper: the digests, in hexadecimal, by id.
func listPapers(ctx context.Context, p *customer, timed *time.Duration) (map[string]string, error) {
	body, err := p.timedCall(ctx, http.MethodGet, "/api/v1/items?kind=document&limit=1000", nil, timed)
	if err != nil {
		return nil, err
	}
	defer answers.Put(body)
	var list struct {
		Items []struct {
			ID       string
			Document struct{ SHA256 string }
		}
		Altered []string
		Next    string
	}
	if err := json.Unmarshal(body.Bytes(), &list); err != nil {
		return nil, err
	}
	if len(list.Altered) > 0 || list.Next != "" {
		return nil, fmt.Errorf("%d papers are altered, or they are more than a page", len(list.Altered))
	}
	listed := map[string]string{}
	for _, i := range list.Items {
		listed[i.ID] = i.Document.SHA256
	}
	return listed, nil
}

func (m *mixed) page(ctx context.Context, p *customer, timed *time.Duration) error {
	owed := p.owed()
	body, err := p.timedCall(ctx, http.MethodGet, "/papers", nil, timed)
	if err != nil {
		return err
	}
	defer answers.Put(body)
	shown := body.String()
	for _, id := range owed {
		if !strings.Contains(shown, `"/papers/`+id+`"`) {
			return errors.New("a paper was acknowledged and is not on the page")
		}
	}
	return nil
}

func (m *mixed) read(ctx context.Context, p *customer, timed *time.Duration) error {
	owed := p.owed()
	return readPaper(ctx, p, owed[rand.IntN(len(owed))], timed)
}

func readPaper(ctx context.Context, p *customer, id string, timed *time.Duration) error {
	body, err := p.timedCall(ctx, http.MethodGet, "/api/v1/documents/"+id+"/content", nil, timed)
	if err != nil {
		return err
	}
	defer answers.Put(body)
	if sha256.Sum256(body.Bytes()) != p.digestOf(id) {
		return errors.New("a paper is not what was sent")
	}
	return nil
}

func (m *mixed) upload(ctx context.Context, p *customer, timed *time.Duration) error {
	content := make([]byte, m.paper)
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], uint64(m.next.Add(1)))
	_, _ = rand.NewChaCha8(seed).Read(content)
	sum := sha256.Sum256(content)
	p.mu.Lock()
	p.sent[sum] = true
	p.mu.Unlock()
	body, err := p.timedCall(ctx, http.MethodPost, "/api/v1/documents", content, timed)
	if err != nil {
		return err
	}
	defer answers.Put(body)
	var item struct{ ID string }
	if err := json.Unmarshal(body.Bytes(), &item); err != nil || item.ID == "" {
		return errors.New("an upload was acknowledged without an id")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept[item.ID], p.ids = sum, append(p.ids, item.ID)
	return nil
}

// missing looks for every paper that was acknowledged, in the list and byte for byte, and
// counts those that are lost, and those that nobody sent.
func (m *mixed) missing(ctx context.Context, p *customer) (lost, foreign int, err error) {
	var timed time.Duration
	listed, err := listPapers(ctx, p, &timed)
	if err != nil {
		return 0, 0, err
	}
	for id, text := range listed {
		var sum digest
		if _, err := hex.Decode(sum[:], []byte(text)); err != nil || !p.sent[sum] {
			foreign++
			continue
		}
		p.kept[id] = sum // also what is there although its answer did not arrive
	}
	for _, id := range p.ids {
		if _, ok := listed[id]; !ok || readPaper(ctx, p, id, &timed) != nil {
			lost++
		}
	}
	return lost, foreign, ctx.Err()
}

// answers are what clients read answers into.
var answers = sync.Pool{New: func() any { return &bytes.Buffer{} }}

// timedCall returns the whole answer, which the caller puts back among answers.
func (p *customer) timedCall(ctx context.Context, method, path string, body []byte, timed *time.Duration) (*bytes.Buffer, error) {
	answer := answers.Get().(*bytes.Buffer)
	answer.Reset()
	began := time.Now()
	err := p.caller.Load().call(ctx, method, path, "application/pdf", body, func(r io.Reader) error {
		_, err := answer.ReadFrom(r)
		return err
	})
	*timed = time.Since(began)
	if err != nil {
		answers.Put(answer)
		return nil, err
	}
	return answer, nil
}
