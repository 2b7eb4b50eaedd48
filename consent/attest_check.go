package consent

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"iter"
	"slices"
	"strings"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

var (
	// ErrNotAttested: no relay of this directory signed this, or not so: another key, a
	// word that was changed, something else altogether. Which of them is not said.
	ErrNotAttested = errors.New("consent: no relay here has signed this")
	// ErrRevoked: it was signed, and taken back since.
	ErrRevoked = errors.New("consent: this was taken back")
)

// CheckAttestation verifies what is on a printout: the token of an attestation, or an
// address that ends with # and the token. Everybody may ask; nothing is kept of it. With
// ErrRevoked, the attestation is returned as well. It looks up one key, whatever it is
// given, and reads no vault.
//
// Errors: ErrNotAttested, ErrRevoked, those of [Directory.Current], vault.ErrStorage.
func (s *Service) CheckAttestation(ctx context.Context, text string) (Attestation, error) {
	a, err := s.readAttestation(ctx, printed(text))
	if err != nil {
		return Attestation{}, err
	}
	return a, s.standsStill(ctx, a)
}

// printed is the token in what a QR code says, or somebody pasted.
func printed(text string) string {
	return strings.TrimSpace(text[strings.LastIndexByte(text, '#')+1:])
}

// standsStill is ErrRevoked for what was taken back.
func (s *Service) standsStill(ctx context.Context, a Attestation) error {
	_, err := s.cfg.Store.Get(ctx, revokedKey(a.Serial))
	switch {
	case err == nil:
		return ErrRevoked
	case errors.Is(err, storage.ErrNotFound):
		return nil
	}
	return storageError(err)
}

// AttestationOf returns what is attested of a document as it is now: vault.ErrNotFound
// if nothing is, also where other bytes lie there than were held beside the original,
// where nobody signed it, and where it was taken back. Other errors: those of
// [Service.CheckAttestation].
func (s *Service) AttestationOf(ctx context.Context, it vault.Item) (Attestation, error) {
	token := attestedIn(it)
	if token == "" {
		return Attestation{}, vault.ErrNotFound
	}
	a, err := s.CheckAttestation(ctx, token)
	if errors.Is(err, ErrNotAttested) || errors.Is(err, ErrRevoked) {
		return Attestation{}, vault.ErrNotFound
	}
	// N51: other bytes lie there, or it was copied from another paper.
	if err == nil && !a.Of(it.Document.Digest) {
		return Attestation{}, vault.ErrNotFound
	}
	return a, err
}

// Of says whether the attestation is about a file, by its SHA-256.
func (a Attestation) Of(digest []byte) bool { return bytes.Equal(a.Digest, digest) }

// readAttestation verifies a token, whether it was revoked or not.
func (s *Service) readAttestation(ctx context.Context, token string) (Attestation, error) {
	id, err := seal.TokenKeyID(token)
	if err != nil {
		return Attestation{}, ErrNotAttested
	}
	relay, number, err := parseAttestKeyID(id)
	if err != nil {
		return Attestation{}, err
	}
	entry, err := s.cfg.Directory.Relay(ctx, relay)
	if errors.Is(err, ErrNotNamed) || errors.Is(err, ErrNoDirectory) {
		err = ErrNotAttested
	}
	if err != nil {
		return Attestation{}, err
	}
	rec, err := s.cfg.Store.Get(ctx, attestKeyAt(relay, number))
	if errors.Is(err, storage.ErrNotFound) {
		return Attestation{}, ErrNotAttested
	}
	if err != nil {
		return Attestation{}, storageError(err)
	}
	public, err := s.attestPublic(ctx, relay, number, rec.Value)
	if isForged(err) {
		return Attestation{}, ErrNotAttested
	}
	if err != nil {
		return Attestation{}, err
	}
	claims, err := seal.OpenToken(public, tokenSeen, token)
	if err != nil {
		return Attestation{}, ErrNotAttested
	}
	a, err := attestationOf(relay, claims)
	if day := string(a.Day); err == nil && (day < public.Since || public.Until != "" && day > public.Until) { // N79
		return Attestation{}, ErrNotAttested
	}
	a.Token, a.Gone = token, entry.Withdrawn != ""
	return a, err
}

// isForged tells a record that nobody of the relay signed from a store or a witness that does not answer.
func isForged(err error) bool {
	return errors.Is(err, vault.ErrTampered) || errors.Is(err, vault.ErrUntrustedKey)
}

// attestationOf reads claims whose signature is right. A relay speaks for itself alone:
// what its key signed in the name of another is nothing (N50).
func attestationOf(relay RelayID, claims map[string]string) (Attestation, error) {
	a := Attestation{Serial: claims["jti"], Relay: relay, RelayName: claims["relay"], Kind: SeenKind(claims["kind"]), Day: vault.Date(claims["day"]), Worker: claims["by"]}
	digest, err := base64.RawURLEncoding.DecodeString(claims["sha256"])
	serial, badSerial := base64.RawURLEncoding.DecodeString(a.Serial)
	if claims["iss"] != relay.String() || err != nil || len(digest) != sha256.Size || badSerial != nil || len(serial) != 16 ||
		!slices.Contains(seenKinds, a.Kind) || checkDate("day", a.Day, true) != nil ||
		checkText("relay", a.RelayName, MaxName, true) != nil || checkText("by", a.Worker, MaxName, false) != nil {
		return Attestation{}, ErrNotAttested
	}
	a.Digest = digest
	return a, nil
}

// AttestKeySet returns the public keys with which attestations are verified without this
// service, as a JSON Web Key Set (RFC 7517): of one relay, or with the zero id of all.
// Keys of former times, and of relays that are none any more, stay in it, with the days for
// which they speak ("since" and "until", as the claim "day"). What somebody
// put among them whom no relay knows is left out.
func (s *Service) AttestKeySet(ctx context.Context, relay RelayID) ([]byte, error) {
	prefix := attestKeys
	if !relay.IsZero() {
		prefix += relay.String() + "/"
	}
	var keys []seal.TokenPublic
	for rec, err := range s.cfg.Store.All(ctx, prefix) {
		if err != nil {
			return nil, storageError(err)
		}
		name, number, _ := strings.Cut(strings.TrimPrefix(rec.Key, attestKeys), "/")
		of, err := ParseRelayID(name)
		if err != nil {
			continue
		}
		public, err := s.attestPublic(ctx, of, number, rec.Value)
		if isForged(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, public)
	}
	return seal.TokenKeySet(keys)
}

// RevokedAttestations returns the serials of all that was taken back, which say nothing
// about anybody: for programs that verify without this service.
func (s *Service) RevokedAttestations(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for rec, err := range s.cfg.Store.All(ctx, revoked) {
			if err != nil {
				yield("", storageError(err))
				return
			}
			if !yield(strings.TrimPrefix(rec.Key, revoked), nil) {
				return
			}
		}
	}
}
