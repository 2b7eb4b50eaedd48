package consent_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/internal/seal"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault"
)

// published is a stage on which a directory with one relay was published twice: with
// the relay, and with the relay withdrawn.
type published struct {
	*stage
	town          *consent.Organisation
	centre        *consent.Relay
	before, after *consent.DirectoryState
	then          storagetest.Moment // between the two
	directory     *consent.Directory
}

func twice(t *testing.T) *published {
	t.Helper()
	p := &published{stage: newStage(t), town: organisation("Ville de Lyon")}
	p.centre = relayOf(p.town, "Accueil de jour")
	p.directory = p.open(t)
	p.before = p.sign(t, p.begin(t), adding(p.town, p.centre)...)
	publish(t, p.directory, p.before)
	p.then = p.host.Now()
	p.after = p.sign(t, p.before, consent.Change{WithdrawRelay: &p.centre.ID, On: "2026-03-02"})
	publish(t, p.directory, p.after)
	return p
}

func (p *published) head() storagetest.Piece {
	return p.host.Record(p.directory.ID().String() + "/h/o")
}
func (p *published) page(n string) storagetest.Piece {
	return p.host.Record(p.directory.ID().String() + "/x/o/" + n)
}

// refuses says that neither who has read the directory before nor who starts now
// answers anything from it.
func (p *published) refuses(t *testing.T, wanted error, why string) {
	t.Helper()
	for _, d := range []*consent.Directory{p.directory, p.open(t)} {
		_, err := d.Relay(t.Context(), p.centre.ID)
		require.ErrorIs(t, err, wanted, why)
		_, err = d.Relays(t.Context())
		require.ErrorIs(t, err, wanted, why)
		_, err = d.Licence(t.Context(), p.centre.ID)
		require.ErrorIs(t, err, wanted, why)
	}
}

// forged is a directory that somebody else signs in the place of the authority's.
func forged(t *testing.T, id vault.ID, key seal.SigningKey, version uint64, pages [][]byte, links ...seal.Succession) []byte {
	t.Helper()
	h := seal.OwnerHead{Vault: id, Version: version, MinFormat: seal.Format, Kind: seal.KindDirectory, Key: key.Public(), Succession: links}
	for _, raw := range pages {
		digest := seal.Digest(raw)
		h.Pages = append(h.Pages, digest[:])
	}
	record, err := key.SealOwnerHead(&h)
	require.NoError(t, err)
	return record
}

func TestAttackD1_AnotherKeyForARelay(t *testing.T) {
	t.Parallel()
	p := twice(t)
	// The host replaces the key of the relay in the page, byte for byte.
	theirs, page := newKey(), p.page("0").Bytes()
	altered := []byte(replaced(t, string(page), string(p.centre.Key[:]), string(theirs[:])))
	p.page("0").Forge(altered)
	_, err := p.open(t).Relay(t.Context(), p.centre.ID)
	require.ErrorIs(t, err, vault.ErrTampered, "the page is not the one that the head names")

	// And signs a head that names that page: well, with a key of its own.
	stranger := seal.NewSigningKey()
	p.head().Forge(forged(t, p.directory.ID(), stranger, 99, [][]byte{altered}))
	p.refuses(t, vault.ErrUntrustedKey, "another authority")

	// The head of another directory, and of a vault of another kind.
	other := newStage(t)
	elsewhere := other.open(t)
	publish(t, elsewhere, other.begin(t))
	p.host.Honest()
	p.head().Forge(other.host.Record(elsewhere.ID().String() + "/h/o").Bytes())
	p.refuses(t, vault.ErrTampered, "another directory's")
	p.host.Honest()
	for _, d := range []*consent.Directory{p.directory, p.open(t)} {
		got, err := d.Relay(t.Context(), p.centre.ID)
		require.NoError(t, err)
		require.Equal(t, p.centre.Key, got.Key)
	}
}

func replaced(t *testing.T, text, old, now string) string {
	t.Helper()
	require.Len(t, now, len(old))
	for i := 0; i+len(old) <= len(text); i++ {
		if text[i:i+len(old)] == old {
			return text[:i] + now + text[i+len(old):]
		}
	}
	require.Fail(t, "the page does not hold it")
	return ""
}

func TestAttackC1_RolledBackDirectory(t *testing.T) {
	t.Parallel()
	p := twice(t)
	p.host.Replay("", p.then)
	p.refuses(t, vault.ErrStale, "the relay that was withdrawn is back")
	p.host.Honest()
	p.head().Replay(p.then)
	p.refuses(t, vault.ErrStale, "the head alone")
	p.host.Honest()
	p.page("0").Replay(p.then)
	_, err := p.open(t).Relay(t.Context(), p.centre.ID) // who has it in memory does not read pages
	require.ErrorIs(t, err, vault.ErrTampered)
	p.host.Honest()
	p.head().Drop()
	p.refuses(t, vault.ErrStale, "the directory is gone")
	p.host.Honest()
	p.page("0").Drop()
	_, err = p.open(t).Relays(t.Context())
	require.ErrorIs(t, err, vault.ErrTampered)
}

func TestEachFlippedOrMissingByteIsNoticed(t *testing.T) {
	t.Parallel()
	p := twice(t)
	for _, piece := range []storagetest.Piece{p.head(), p.page("0")} {
		for n := range len(piece.Bytes()) {
			piece.Flip(n)
			_, err := p.open(t).Relays(t.Context())
			require.ErrorIs(t, err, vault.ErrTampered)
			p.host.Honest()
			piece.Cut(n)
			_, err = p.open(t).Relays(t.Context())
			require.ErrorIs(t, err, vault.ErrTampered)
			p.host.Honest()
		}
	}
}

func TestAttackC2_ForkedDirectory(t *testing.T) {
	t.Parallel()
	p := twice(t)
	// The authority's key was used twice for one version; the host shows the other.
	other := p.sign(t, p.before, consent.Change{Organisation: organisation("Ville de Paris")})
	require.Equal(t, p.after.Version(), other.Version())
	record, pages := split(t, other)
	p.head().Forge(record)
	p.page("0").Forge(pages[0])
	p.refuses(t, vault.ErrTampered, "not the one that the witness remembers")
	p.host.Honest()
	_, err := p.directory.Publish(t.Context(), carried(t, other))
	require.ErrorIs(t, err, consent.ErrOutdated, "nor is it published")
	forks, err := p.own.Forks(t.Context(), p.directory.ID())
	require.NoError(t, err)
	require.Empty(t, forks, "nothing was told that was not believed")
}

// split takes a bundle apart, as a host does that has seen it.
func split(t *testing.T, s *consent.DirectoryState) (head []byte, pages [][]byte) {
	t.Helper()
	var b struct {
		Form  uint8    `cbor:"1,keyasint"`
		Head  []byte   `cbor:"2,keyasint"`
		Pages [][]byte `cbor:"3,keyasint"`
	}
	require.NoError(t, seal.Unmarshal(carried(t, s), &b))
	return b.Head, b.Pages
}

func TestAnAuthorityTakesAnotherKeyAndTheOldOneSignsNothingMore(t *testing.T) {
	t.Parallel()
	p := twice(t)
	next := consent.NewAuthority()
	rotated, err := p.authority.Rotate(p.after, next)
	require.NoError(t, err)
	require.Equal(t, next.Public(), rotated.Key())
	require.Equal(t, p.first, rotated.Authority())
	_, err = consent.NewAuthority().Rotate(p.after, next)
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
	_, err = next.Rotate(rotated, p.authority)
	require.ErrorIs(t, err, vault.ErrInvalid, "no key comes back")
	publish(t, p.directory, rotated)
	for _, d := range []*consent.Directory{p.directory, p.open(t)} { // configured with the first key
		got, err := d.Relay(t.Context(), p.centre.ID)
		require.NoError(t, err)
		require.Equal(t, p.centre.Key, got.Key)
	}
	_, err = p.authority.Sign(rotated, consent.Change{Organisation: organisation("Ville de Paris")})
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
	last, err := next.Sign(rotated, consent.Change{Organisation: organisation("Ville de Paris")})
	require.NoError(t, err)
	publish(t, p.directory, last)

	// Whoever has the old key, and the store, makes a later version with it: alone, or
	// handed over to a key of theirs.
	thief := consent.NewAuthority()
	again, err := p.authority.Sign(p.after, consent.Change{Organisation: organisation("Voleurs")})
	require.NoError(t, err)
	for range 5 {
		again, err = p.authority.Sign(again)
		require.NoError(t, err)
	}
	stolen, err := p.authority.Rotate(again, thief)
	require.NoError(t, err)
	for _, s := range []*consent.DirectoryState{again, stolen} {
		require.Greater(t, s.Version(), last.Version())
		record, pages := split(t, s)
		p.head().Forge(record)
		p.page("0").Forge(pages[0])
		p.refuses(t, vault.ErrUntrustedKey, "the witness and this process remember who signs")
		_, err := p.open(t).Publish(t.Context(), carried(t, s))
		require.ErrorIs(t, err, vault.ErrUntrustedKey, "also where the store is prepared for it")
		p.host.Honest()
		_, err = p.open(t).Publish(t.Context(), carried(t, s))
		require.ErrorIs(t, err, vault.ErrUntrustedKey)
	}
	_, err = p.open(t).Relays(t.Context())
	require.NoError(t, err, "and nothing was spoilt by it")
}

func TestAttackC7_WitnessAway(t *testing.T) {
	t.Parallel()
	p := twice(t)
	require.False(t, p.directory.Away())
	p.witness.set(func(c *counted) { c.away = true })
	p.clock.advance(time.Minute)
	_, err := p.directory.Relay(t.Context(), p.centre.ID)
	require.NoError(t, err, "reading goes on")
	require.True(t, p.directory.Away(), "and says so")
	p.host.Replay("", p.then)
	_, err = p.directory.Relay(t.Context(), p.centre.ID)
	require.ErrorIs(t, err, vault.ErrStale, "this process has seen a later one")
	p.host.Honest()
	_, err = p.directory.Publish(t.Context(), carried(t, p.after))
	require.ErrorIs(t, err, vault.ErrWitnessAway)

	fresh := p.open(t)
	_, err = fresh.Relay(t.Context(), p.centre.ID)
	require.NoError(t, err)
	require.True(t, fresh.Away())
	p.witness.set(func(c *counted) { c.away = false; c.asked = 0 })
	for range 10 {
		_, err = p.directory.Relay(t.Context(), p.centre.ID)
		require.NoError(t, err)
	}
	require.Zero(t, p.witness.asked, "a witness that was silent is not asked at once")
	p.clock.advance(6 * time.Second)
	_, err = p.directory.Relay(t.Context(), p.centre.ID)
	require.NoError(t, err)
	require.False(t, p.directory.Away())
}

func TestWhatWasBelievedWhileTheWitnessWasAwayIsTakenBackWhenItAnswers(t *testing.T) {
	t.Parallel()
	p := twice(t)
	rotated, err := p.authority.Rotate(p.after, consent.NewAuthority())
	require.NoError(t, err)
	publish(t, p.directory, rotated)
	later := p.after
	for range 5 { // with the old key
		later = p.sign(t, later)
	}
	record, pages := split(t, later)
	p.head().Forge(record)
	p.page("0").Forge(pages[0])
	p.witness.set(func(c *counted) { c.away = true })
	fresh := p.open(t)
	_, err = fresh.Relays(t.Context())
	require.NoError(t, err, "a limit that is stated: it has seen nothing yet")
	require.True(t, fresh.Away())
	p.witness.set(func(c *counted) { c.away = false })
	p.clock.advance(time.Minute)
	_, err = fresh.Relays(t.Context())
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
	p.host.Honest()
	s, err := fresh.Current(t.Context())
	require.NoError(t, err)
	require.Equal(t, rotated.Version(), s.Version())
}

func TestACallerWhoGivesUpSaysNothingAboutTheWitness(t *testing.T) {
	t.Parallel()
	p := twice(t)
	p.clock.advance(time.Minute)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.directory.Relays(gone)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, p.directory.Away())
}
