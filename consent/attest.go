package consent

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// SeenKind says what kind of paper an original was, as the worker says: a stable code
// of a closed list, so that no words about a person can stand in an attestation.
type SeenKind string

// The kinds of papers.
const (
	SeenIdentity    SeenKind = "identity-card"
	SeenPassport    SeenKind = "passport"
	SeenResidence   SeenKind = "residence-permit"
	SeenBirth       SeenKind = "birth-certificate"
	SeenHealth      SeenKind = "health-card"
	SeenDriving     SeenKind = "driving-licence"
	SeenPay         SeenKind = "pay-slip"
	SeenCertificate SeenKind = "certificate"
	SeenOther       SeenKind = "other"
)

var seenKinds = []SeenKind{SeenIdentity, SeenPassport, SeenResidence, SeenBirth, SeenHealth, SeenDriving, SeenPay, SeenCertificate, SeenOther}

// SeenKinds returns the codes that there are.
func SeenKinds() []SeenKind { return slices.Clone(seenKinds) }

// NewAttestation is what a worker says about a copy whose original they have held.
type NewAttestation struct {
	Item     vault.ItemID
	Revision uint64 // that the worker saw
	Kind     SeenKind
	// Held is the worker's yes to "I have held the original in my hands, and this copy
	// shows it". Without it nothing is signed.
	Held bool
	// Named adds the worker's name to what is signed, which everybody reads who is
	// shown it. False: the relay speaks, and the person's journal says who it was.
	Named bool
}

// Attestation is what a relay states about a copy: that a worker of it has held the
// original on a day, and that the file with this digest showed it. It does not say
// that the original was genuine, nor whose it is, nor anything of a file with another
// digest. It names nobody, but for the worker who wanted it.
type Attestation struct {
	Serial    string // 22 characters, random: by it alone an attestation is revoked
	Relay     RelayID
	RelayName string // as it was then
	Kind      SeenKind
	Day       vault.Date
	Digest    []byte // SHA-256 of the file
	Worker    string // "": not said

	Token string // a JSON Web Token, as it was signed
	// Gone says that the relay is none any more. What it stated while it was one stays.
	Gone bool
}

// tokenSeen is the header "typ" of an attestation's token.
const tokenSeen = "seen+jwt"

// Attest signs that this worker has held the original of a document that somebody
// shares with the relay, which they have open in v (of [Post.Open]; a visit is shown
// papers, and lets nobody write). The relay's key for this alone signs a JSON Web Token
// about exactly the bytes that lie there now. It is kept with the document, in the place
// of one of before, with a line in the person's journal: one commit. Where the relay has
// no such key yet, or its other keys have changed since, a commit before makes one.
//
// Only who may add does this, for a relay with a licence in force. Errors: LicenceError,
// vault.ErrInvalid (Held is false, no such kind), vault.ErrNotAllowed, vault.ErrNotFound,
// vault.ErrRevision, and those of any act in both spaces.
func (p *Post) Attest(ctx context.Context, v *vault.Vault, n NewAttestation) (Attestation, error) {
	switch {
	case !slices.Contains(seenKinds, n.Kind):
		return Attestation{}, invalid("kind", "is none of %v", seenKinds)
	case !n.Held:
		return Attestation{}, invalid("held", "must be said by who has held the original")
	}
	if err := errors.Join(p.mayHelp(), p.mayAttest(ctx, v)); err != nil {
		return Attestation{}, err
	}
	it, err := v.Item(ctx, n.Item)
	if err != nil {
		return Attestation{}, err
	}
	if it.Document == nil {
		return Attestation{}, invalid("item", "is not a document")
	}
	key, err := p.attestKey(ctx)
	if err != nil {
		return Attestation{}, err
	}
	s := p.service()
	a := Attestation{
		Serial: newSerial(), Relay: p.relay.ID, RelayName: p.relay.Name, Kind: n.Kind, Digest: it.Document.Digest,
		Day: vault.Date(s.now().In(s.cfg.Directory.cfg.Zone).Format(time.DateOnly)),
	}
	if n.Named {
		a.Worker = p.name
	}
	if a.Token, err = key.own.SignToken(key.id, tokenSeen, a.claims()); err != nil {
		return Attestation{}, err
	}
	_, err = v.Attest(ctx, n.Item, n.Revision, a.Digest, a.Token, p.count(CountedAttested))
	return a, err
}

// mayAttest refuses a relay without a licence, and a handle that is not this post's: of
// the person themselves, or of somebody at another relay.
func (p *Post) mayAttest(ctx context.Context, v *vault.Vault) error {
	if t := v.Terms(); t == nil || t.Holder != p.relay.ID {
		return vault.ErrNotAllowed
	}
	return p.licensed(ctx)
}

func newSerial() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails (Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// claims are short, as all of it must fit a QR code that a cheap phone reads.
func (a *Attestation) claims() map[string]string {
	out := map[string]string{
		"iss": a.Relay.String(), "jti": a.Serial, "relay": a.RelayName, "kind": string(a.Kind), "day": string(a.Day),
		"sha256": base64.RawURLEncoding.EncodeToString(a.Digest),
	}
	if a.Worker != "" {
		out["by"] = a.Worker
	}
	return out
}

// RevokeAttestation takes an attestation back: from the document in the person's space
// v, and for everybody who holds a printout, in one commit. v is the person's own, or
// open for a worker who may add, of the relay that signed it ([Service.Resume] and
// [Post.Open]). Of what no relay signed, or not of these bytes, only the document
// forgets, so that a printout is not revoked by who copied it. Errors:
// vault.ErrNotFound if there is none, vault.ErrNotAllowed, vault.ErrRevision.
func (s *Service) RevokeAttestation(ctx context.Context, v *vault.Vault, item vault.ItemID, revision uint64) (vault.Item, error) {
	it, err := v.Item(ctx, item)
	if err != nil {
		return vault.Item{}, err
	}
	a, err := s.readAttestation(ctx, attestedIn(it))
	if err != nil && !errors.Is(err, ErrNotAttested) {
		return vault.Item{}, err
	}
	if t := v.Terms(); t != nil && (err != nil || t.Holder != a.Relay) {
		return vault.Item{}, vault.ErrNotAllowed // what others signed is not this relay's to take back
	}
	return v.RemoveAttested(ctx, item, revision, func(tx *storage.Tx) error {
		if a.Serial != "" && a.Of(it.Document.Digest) {
			tx.Put(revokedKey(a.Serial), nil)
		}
		return nil
	})
}

// Revoke takes back what this relay signed, by what is on a printout, as for
// [Service.CheckAttestation]: also where the paper is private by now, or the person gone.
// It says nothing of them, so nothing of it is in their journal. Whoever works for the relay may, also who only manages it: the
// worker who signed may have left. ErrNotAttested if this relay did not sign it.
func (p *Post) Revoke(ctx context.Context, text string) (Attestation, error) {
	s := p.service()
	a, err := s.readAttestation(ctx, printed(text))
	if err == nil && a.Relay != p.relay.ID {
		err = ErrNotAttested
	}
	if err != nil {
		return Attestation{}, err
	}
	return a, storageError(s.cfg.Store.Transact(ctx, func(tx *storage.Tx) error {
		if err := p.space.Standing()(ctx, tx, s.now()); err != nil {
			return err
		}
		tx.Put(revokedKey(a.Serial), nil)
		return nil
	}))
}

func attestedIn(it vault.Item) string {
	if it.Document == nil {
		return ""
	}
	return it.Document.Attested
}

// attestBound binds the public key of a relay for attestations to its name.
func attestBound(relay RelayID, number string) seal.Context {
	return seal.Context{Type: seal.TypeAttest, Vault: relay, Object: []byte(number)}
}
