package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
)

// HandOut says what a partner is handed: it is sealed, and stays so here.
type HandOut struct {
	Grant    GrantID
	Holder   ID     // the partner
	Key      []byte // the vault's signing key of when it was given
	Digest   []byte // of the signed terms, as the owner head names them
	Until    time.Time
	Actor    Actor // of ActorPartner
	Purpose  string
	Standing Standing // that the partner still is one
	// Also is run in the commit that writes the line in the journal, and may refuse; nil:
	// nothing else. It may run several times.
	Also func(tx *storage.Tx) error

	Item ItemID // whose content is handed out; zero: the record of the grant
	Name string // of that item, for the journal
	// Blobs are those of the item, as they were when it was presented.
	Blobs []string
}

func (h *HandOut) also(tx *storage.Tx) error {
	if h.Also == nil {
		return nil
	}
	return h.Also(tx)
}

// HandOutGrant returns the sealed record of what was presented. The line in the journal is
// durable before it returns, signed by the service. Only the partner's secret key, which is
// not here, opens the record ([OpenPresented]).
//
// Errors: ErrEnded if it was taken back, its time is over, it was not given by this vault,
// or the partner is none any more; ErrUntrustedKey, ErrTampered, ErrStale, ErrWitnessAway,
// ErrStorage.
func (s *Vaults) HandOutGrant(ctx context.Context, id ID, h HandOut) (record []byte, err error) {
	v, err := s.handOut(ctx, id, h)
	if err != nil {
		return nil, err
	}
	err = v.do(ctx, func(t *turn) error {
		rec, err := t.tx.Get(id.grant(h.Grant))
		if err != nil {
			return missing(err, "grant %s", h.Grant)
		}
		record = bytes.Clone(rec.Value)
		t.note(ActPartnerTook, nil, map[string]string{"grant": h.Grant.String()})
		return h.also(t.tx)
	})
	if err != nil {
		return nil, err
	}
	return record, nil
}

// HandOutDocument returns the sealed content of a paper that was presented: its blobs, one
// after the other. The line in the journal is durable before the first byte; what is taken
// back ends the stream within a second. Errors: those of [Vaults.HandOutGrant];
// ErrNotFound if the content is not there any more.
func (s *Vaults) HandOutDocument(ctx context.Context, id ID, h HandOut) (io.ReadCloser, error) {
	for _, name := range h.Blobs { // of this vault, whatever was written down
		if !strings.HasPrefix(name, id.String()+"/") {
			return nil, tampered("item %s", h.Item)
		}
	}
	v, err := s.handOut(ctx, id, h)
	if err != nil {
		return nil, err
	}
	err = v.do(ctx, func(t *turn) error {
		t.note(ActPartnerTook, &Item{ID: h.Item, Name: h.Name}, map[string]string{"grant": h.Grant.String()})
		return h.also(t.tx)
	})
	if err != nil {
		return nil, err
	}
	open := func(i int) (io.ReadCloser, error) { return s.cfg.Blobs.Open(ctx, h.Blobs[i], 0, -1) }
	if len(h.Blobs) == 0 {
		return nil, ErrNotFound
	}
	first, err := open(0)
	if isNotFound(err) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, storageError(err)
	}
	return &handed{joinedStream: joinedStream{now: first, parts: len(h.Blobs), open: open}, v: v, ctx: ctx, checked: s.now()}, nil
}

// handOut opens nothing: it is the gate of a guest without keys.
func (s *Vaults) handOut(ctx context.Context, id ID, h HandOut) (*Vault, error) {
	if h.Actor.Kind != ActorPartner || h.Actor.RelayID != h.Holder.String() || len(h.Digest) == 0 {
		return nil, ErrNotAllowed
	}
	head, err := s.trustedHead(ctx, id, h.Key)
	if err != nil {
		return nil, err
	}
	terms := &Terms{Grant: h.Grant, Holder: h.Holder, Scope: ScopePartner, Until: millis(h.Until)}
	own := &guest{grant: h.Grant, terms: terms, digest: h.Digest, vaultKey: head.Key, signer: s.keys.signer, standing: h.Standing, chosen: []chosenItem{}}
	return &Vault{service: s, id: id, actor: h.Actor, purpose: h.Purpose, guest: own, rings: rings{}}, nil
}

// handed is sealed content on its way out.
type handed struct {
	joinedStream
	v       *Vault
	ctx     context.Context
	checked time.Time
}

func (h *handed) Read(p []byte) (int, error) {
	now := h.v.service.now()
	if age := now.Sub(h.checked); age < 0 || age >= time.Second {
		h.checked = now
		if err := h.v.stillOpen(h.ctx); err != nil { // N17
			return 0, err
		}
	}
	return h.joinedStream.Read(p)
}

// PresentedPapers is what a person presented, opened by the partner: a copy of chosen papers
// as they were then. It opens nothing else of the vault, and no later revision.
type PresentedPapers struct {
	Terms Terms
	Items []Item // in the order in which they were chosen

	vault  ID
	chosen []*record
}

// OpenPresented opens, where the partner is, what [Vaults.HandOutGrant] handed out: with
// any of the partner's X-Wing keys, for the vault whose key signed the terms. It needs no
// service and no store. ErrTampered for what that vault did not give to this partner.
func OpenPresented(id ID, grant GrantID, partner ID, vaultKey, record []byte, keys []seal.BoxKey) (*PresentedPapers, error) {
	body, _, err := openGrant(id, grant, partner, record, keys)
	if err != nil {
		return nil, err
	}
	terms, err := verifyTerms(id, grant, partner, vaultKey, body.Terms)
	if err != nil {
		return nil, err
	}
	if terms.Scope != ScopePartner || len(body.Generations) != 0 || body.Halves != nil {
		return nil, tampered("grant %s", grant)
	}
	chosen, err := body.items(terms)
	if err != nil {
		return nil, err
	}
	p := &PresentedPapers{Terms: *terms, vault: id}
	for _, c := range chosen {
		r, err := c.record()
		if err != nil {
			return nil, err
		}
		p.Items, p.chosen = append(p.Items, *r.item), append(p.chosen, r)
	}
	return p, nil
}

// Read opens the sealed content of a paper, as [Vaults.HandOutDocument] hands it out. Each
// segment is verified before it is released; read to io.EOF, as only then the whole is.
// ErrNotFound for what is no document among Items; ErrTampered from the reader.
func (p *PresentedPapers) Read(item ItemID, from io.Reader) (io.Reader, error) {
	i := slices.IndexFunc(p.Items, func(it Item) bool { return it.ID == item && it.Document != nil })
	if i < 0 {
		return nil, ErrNotFound
	}
	r := p.chosen[i]
	all, ok := r.extents()
	if !ok {
		return nil, tampered("item %s", item)
	}
	open := func(n int) (io.ReadCloser, error) {
		key, err := seal.KeyFromBytes(r.keys[n])
		if err != nil {
			return nil, seal.ErrOpen
		}
		e := all[n]
		return seal.NewPaddedReader(io.LimitReader(from, e.sealed()), key, blobContext(p.vault, item, r.parts[n], e.offset), e.size, e.padded)
	}
	first, err := open(0)
	if err != nil {
		return nil, contentError(item, err)
	}
	return &taken{joinedStream: joinedStream{now: first, parts: len(all), open: open}, item: r.item, hash: sha256.New()}, nil
}

// taken checks the digest of the whole at its end.
type taken struct {
	joinedStream
	item *Item
	hash hash.Hash
	size int64
}

func (t *taken) Read(p []byte) (int, error) {
	n, err := t.joinedStream.Read(p)
	t.hash.Write(p[:n])
	t.size += int64(n)
	if err != nil && err != io.EOF {
		return n, contentError(t.item.ID, err)
	}
	if d := t.item.Document; err == io.EOF && (t.size != d.Size || !bytes.Equal(t.hash.Sum(nil), d.Digest)) {
		return n, tampered("item %s", t.item.ID) // FR-1, A4
	}
	return n, err
}
