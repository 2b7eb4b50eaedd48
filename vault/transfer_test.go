package vault_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/storage"
	"reconnect.example/vault"
	"reconnect.example/vault/vaulttest"
)

const newOperator = "https://new.example"

// cutting is a network that breaks every so many calls of AppendTransfer in the middle
// of a part, and one where whoever is in between may change what is said.
type cutting struct {
	vault.TransferTo
	every, calls, cuts int
	keys               func(*vault.TransferKeys)
	offer              func(*vault.TransferOffer)
	body               func([]byte) []byte
	receipt            func([]byte) []byte
}

var errCut = errors.New("the connection was cut")

func (c *cutting) TransferKeys(ctx context.Context, k vault.TransferTicket) (vault.TransferKeys, error) {
	keys, err := c.TransferTo.TransferKeys(ctx, k)
	if c.keys != nil {
		c.keys(&keys)
	}
	return keys, err
}

func (c *cutting) BeginTransfer(ctx context.Context, k vault.TransferTicket, o vault.TransferOffer) (int64, error) {
	if c.offer != nil {
		c.offer(&o)
	}
	return c.TransferTo.BeginTransfer(ctx, k, o)
}

func (c *cutting) AppendTransfer(ctx context.Context, k vault.TransferTicket, offset int64, r io.Reader) (int64, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return 0, err
	}
	if c.body != nil {
		b = c.body(b)
	}
	if c.calls++; c.every > 0 && c.calls%c.every == 0 {
		c.cuts++
		if c.cuts%2 == 0 { // the answer is lost, the part is not
			_, _ = c.TransferTo.AppendTransfer(ctx, k, offset, bytes.NewReader(b))
			return 0, errCut
		}
		_, err := c.TransferTo.AppendTransfer(ctx, k, offset, brokenAfter(b[:len(b)/2], errCut))
		return 0, err
	}
	return c.TransferTo.AppendTransfer(ctx, k, offset, bytes.NewReader(b))
}

func (c *cutting) TransferReceipt(ctx context.Context, k vault.TransferTicket) ([]byte, error) {
	b, err := c.TransferTo.TransferReceipt(ctx, k)
	if c.receipt != nil {
		b = c.receipt(b)
	}
	return b, err
}

// twoOperators are a person's full vault at one, and an empty one at the other.
func twoOperators(t *testing.T, opts *vaulttest.Options) (old, next *scene) {
	t.Helper()
	old, next = newScene(t, nil), newScene(t, opts)
	for n := range uint64(6) {
		add(t, old.v, "Paper "+string(rune('A'+n)), content(n, 700_000))
	}
	return old, next
}

func sendAll(t *testing.T, old *scene, to vault.TransferTo) (tries int) {
	t.Helper()
	for tries = 1; ; tries++ {
		left, err := old.v.SendDeparture(t.Context(), to)
		if err == nil {
			require.Zero(t, left)
			return tries
		}
		require.ErrorIs(t, err, errCut)
		require.Less(t, tries, 50)
	}
}

func await(t *testing.T, s *scene) vault.TransferCode {
	t.Helper()
	code, err := s.v.AwaitTransfer(t.Context(), newOperator, nil)
	require.NoError(t, err)
	a, err := s.v.Arrival(t.Context())
	require.NoError(t, err)
	require.Equal(t, code, a.Code, "to be shown again")
	return code
}

func bagged(t *testing.T, a *vault.Arrived) map[string][32]byte {
	t.Helper()
	z, err := zip.NewReader(a, a.Size())
	require.NoError(t, err)
	out := map[string][32]byte{}
	for _, f := range z.File {
		if !strings.Contains(f.Name, "/documents/") {
			continue
		}
		r, err := f.Open()
		require.NoError(t, err)
		b, err := io.ReadAll(r)
		require.NoError(t, err)
		out[f.Name] = sha256.Sum256(b)
	}
	return out
}

func TestAMoveArrivesWholeWhateverTheNetworkDoes(t *testing.T) {
	t.Parallel()
	old, next := twoOperators(t, nil)
	shown := await(t, next)
	code, err := vault.ParseTransferCode(strings.ToLower(shown.Text()[:20]) + shown.Text()[20:])
	require.NoError(t, err)
	require.Equal(t, shown, code)
	net := &cutting{TransferTo: next.Vaults, every: 2}
	d, err := old.v.BeginDeparture(t.Context(), code, net, &vault.DepartureOptions{From: "old.example"})
	require.NoError(t, err)
	_, err = next.v.OpenArrival(t.Context())
	require.ErrorIs(t, err, vault.ErrOffset, "not all of it is here")
	require.Greater(t, sendAll(t, old, net), 2, "it was cut in the middle")
	_, confirmed, err := old.v.ConfirmDeparture(t.Context(), net)
	require.NoError(t, err)
	require.False(t, confirmed, "nobody has taken it in yet")

	a, err := next.v.OpenArrival(t.Context())
	require.NoError(t, err)
	require.Equal(t, d.Digest, a.Digest, "both say the same of it")
	require.Equal(t, "old.example", a.From)
	came := bagged(t, a)
	require.Len(t, came, 6)
	for n := range uint64(6) {
		require.Contains(t, values(came), sha256.Sum256(content(n, 700_000)))
	}
	receipt, err := next.v.AcceptArrival(t.Context(), a, 6, 0)
	require.NoError(t, err)
	require.NoError(t, a.Close())
	kept, confirmed, err := old.v.ConfirmDeparture(t.Context(), net)
	require.NoError(t, err)
	require.True(t, confirmed)
	require.Equal(t, receipt, kept, "the same receipt on both sides")
	require.Equal(t, next.PublicKey(), kept.Key)
	require.Equal(t, newOperator, kept.To)
	stays, err := old.v.Departure(t.Context())
	require.NoError(t, err)
	require.Equal(t, &kept, stays.Receipt)
	require.Len(t, papers(t, old.v), 6, "nothing was deleted by moving")
	arrival, err := next.v.Arrival(t.Context())
	require.NoError(t, err)
	require.Equal(t, &kept, arrival.Receipt)
	require.Zero(t, arrival.Code)
}

func values(m map[string][32]byte) (out [][32]byte) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// N71: whoever is in between, or the new operator's store, names a key of their own.
func TestABundleIsSealedToNoOtherKeyThanTheCodes(t *testing.T) {
	t.Parallel()
	old, next := twoOperators(t, nil)
	stranger := newScene(t, nil)
	other := await(t, stranger)
	code := await(t, next)
	evil := &cutting{TransferTo: next.Vaults, keys: func(k *vault.TransferKeys) { k.Inbox[7] ^= 1 }}
	_, err := old.v.BeginDeparture(t.Context(), code, evil, nil)
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
	evil.keys = func(k *vault.TransferKeys) { k.Service = stranger.PublicKey() }
	_, err = old.v.BeginDeparture(t.Context(), code, evil, nil)
	require.ErrorIs(t, err, vault.ErrUntrustedKey)
	_, err = old.v.BeginDeparture(t.Context(), other, next.Vaults, nil)
	require.ErrorIs(t, err, vault.ErrNotFound, "the code of another's vault leads nowhere here")
	_, err = old.v.Departure(t.Context())
	require.ErrorIs(t, err, vault.ErrNotFound, "nothing was begun")
}

// N70: somebody who saw the requests, but not the code, sends a bundle of their own.
func TestWhoHasTheTicketButNotTheCodeSendsNothingThatOpens(t *testing.T) {
	t.Parallel()
	old, next := twoOperators(t, nil)
	code := await(t, next)
	_, err := old.v.BeginDeparture(t.Context(), code, next.Vaults, nil)
	require.NoError(t, err)
	thief := newScene(t, nil)
	require.ErrorIs(t, thief.v.ForgeDeparture(t.Context(), code, next.Vaults), vault.ErrRepeated, "a second bundle is refused (N73)")
	code = await(t, next) // a new code, which the thief's requests are faster with
	require.NoError(t, thief.v.ForgeDeparture(t.Context(), code, next.Vaults))
	_, err = next.v.OpenArrival(t.Context())
	require.ErrorIs(t, err, vault.ErrTampered)
	require.NoError(t, next.v.EndArrival(t.Context()))
	require.Zero(t, usage(t, next.Stage, next.v.ID()).Reserved)
}

// N72: bytes that are not what was announced, whoever changed them.
func TestAnAlteredBundleIsThrownAwayAndSentAgain(t *testing.T) {
	t.Parallel()
	var known *knownBlobs
	old, next := twoOperators(t, &vaulttest.Options{Blobs: func(b storage.Blobs) storage.Blobs {
		known = newKnownBlobs(b)
		return known
	}})
	code := await(t, next)
	net := &cutting{TransferTo: next.Vaults}
	_, err := old.v.BeginDeparture(t.Context(), code, net, nil)
	require.NoError(t, err)
	net.body = func(b []byte) []byte {
		net.body = nil
		b[1000] ^= 1
		return b
	}
	was := known.there(t)
	_, err = old.v.SendDeparture(t.Context(), net)
	requireInvalid(t, err, "digest")
	require.Equal(t, was, known.there(t), "also when it is sent a thousand times, nothing of it lies there")
	_, err = next.v.OpenArrival(t.Context())
	require.ErrorIs(t, err, vault.ErrOffset)
	_, err = old.v.SendDeparture(t.Context(), net)
	require.NoError(t, err)
	a, err := next.v.OpenArrival(t.Context())
	require.NoError(t, err)
	require.NoError(t, a.Close())

}

// N75: a receipt that nobody signed, and one that is signed for something else.
func TestAReceiptOfAnotherBundleConfirmsNothing(t *testing.T) {
	t.Parallel()
	old, next := twoOperators(t, nil)
	code := await(t, next)
	net := &cutting{TransferTo: next.Vaults}
	_, err := old.v.BeginDeparture(t.Context(), code, net, nil)
	require.NoError(t, err)
	forged, err := next.ForgeReceipt(code, [32]byte{1})
	require.NoError(t, err)
	for _, said := range [][]byte{[]byte("taken in, trust me"), forged} {
		net.receipt = func([]byte) []byte { return said }
		_, confirmed, err := old.v.ConfirmDeparture(t.Context(), net)
		require.ErrorIs(t, err, vault.ErrTampered)
		require.False(t, confirmed)
	}
}

func TestATransferCodeEndsAndLeavesNothing(t *testing.T) {
	t.Parallel()
	var known *knownBlobs
	old, next := twoOperators(t, &vaulttest.Options{Blobs: func(b storage.Blobs) storage.Blobs {
		known = newKnownBlobs(b)
		return known
	}})
	first := await(t, next)
	code := await(t, next)
	_, err := old.v.BeginDeparture(t.Context(), first, next.Vaults, nil)
	require.ErrorIs(t, err, vault.ErrNotFound, "one at a time: a new code ends the one before")
	_, err = old.v.BeginDeparture(t.Context(), code, next.Vaults, nil)
	require.NoError(t, err)
	_, err = old.v.BeginDeparture(t.Context(), code, next.Vaults, nil)
	require.ErrorIs(t, err, vault.ErrRepeated, "and one move away at a time")
	require.NoError(t, next.v.EndArrival(t.Context()))
	_, err = old.v.SendDeparture(t.Context(), next.Vaults)
	require.ErrorIs(t, err, vault.ErrNotFound)
	require.NoError(t, old.v.EndDeparture(t.Context()))

	code = await(t, next)
	_, err = old.v.BeginDeparture(t.Context(), code, next.Vaults, nil)
	require.NoError(t, err)
	sendAll(t, old, next.Vaults)
	next.Clock.Advance(vault.TransferLasts + 2*time.Hour)
	_, err = next.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, usage(t, next.Stage, next.v.ID()).Reserved, "its space is free again")
	again, err := next.Unlock(t.Context(), vault.Password{Login: next.person.Login, Secret: next.person.Password})
	require.NoError(t, err)
	_, err = again.OpenArrival(t.Context())
	require.ErrorIs(t, err, vault.ErrNotFound)
	require.NoError(t, old.v.EndDeparture(t.Context()))
	settle(t, next.Stage)
	requireTidy(t, next.Stage, known, next.v.ID())
}

func TestABundleThatDoesNotFitIsRefusedBeforeItsFirstByte(t *testing.T) {
	t.Parallel()
	old, next := twoOperators(t, &vaulttest.Options{Quota: quota.Config{Allowance: 3_000_000}})
	code := await(t, next)
	net := &cutting{TransferTo: next.Vaults}
	_, err := old.v.BeginDeparture(t.Context(), code, net, nil)
	var full *quota.FullError
	require.ErrorAs(t, err, &full)
	require.Zero(t, net.calls)
	_, err = old.v.Departure(t.Context())
	require.ErrorIs(t, err, vault.ErrNotFound)
	before := usage(t, old.Stage, old.v.ID())
	require.Zero(t, before.Reserved, "what was sealed takes none of the space of who leaves")
}

func TestAClosedSpaceTakesNoBundle(t *testing.T) {
	t.Parallel()
	old, next := twoOperators(t, nil)
	code := await(t, next)
	_, err := old.v.BeginDeparture(t.Context(), code, next.Vaults, nil)
	require.NoError(t, err)
	_, err = next.v.CloseAccount(t.Context(), next.person.Password)
	require.NoError(t, err)
	_, err = old.v.SendDeparture(t.Context(), next.Vaults)
	require.ErrorIs(t, err, vault.ErrNotFound)
}

func TestATransferCodeIsReadAsItIsTypedAndNoOther(t *testing.T) {
	t.Parallel()
	next := newScene(t, nil)
	code := await(t, next)
	text := code.Text()
	require.NotContains(t, code.String(), text[len(newOperator)+1:])
	for _, typed := range []string{text, " " + text + "\n", strings.ReplaceAll(text, "-", " "), newOperator + "#" + strings.ToLower(strings.ReplaceAll(text[len(newOperator)+1:], "-", ""))} {
		got, err := vault.ParseTransferCode(typed)
		require.NoError(t, err)
		require.Equal(t, code, got)
	}
	swapped := "https://evil.example" + text[len(newOperator):]
	for _, wrong := range []string{"", "#", text[:len(text)-1], text + "A", swapped, strings.Replace(text, "#", "", 1), "a b" + text[len(newOperator):]} {
		_, err := vault.ParseTransferCode(wrong)
		requireInvalid(t, err, "code")
	}
}

// What opens frees its space, and what is sealed to leave takes none: so the bytes go with
// the end of a code or of a move at once. Else who does one after the other fills the disk
// in the hour before a sweep.
func TestNothingOfAMoveLiesThereWhenItHasEnded(t *testing.T) {
	t.Parallel()
	var known [2]*knownBlobs
	kept := func(n int) *vaulttest.Options {
		return &vaulttest.Options{Blobs: func(b storage.Blobs) storage.Blobs {
			known[n] = newKnownBlobs(b)
			return known[n]
		}}
	}
	old, next := newScene(t, kept(0)), newScene(t, kept(1))
	add(t, old.v, "Paper", content(1, 700_000))
	was, there := known[0].there(t), known[1].there(t)
	code := await(t, next)
	opens := func() *vault.Arrived {
		_, err := old.v.BeginDeparture(t.Context(), code, next.Vaults, nil)
		require.NoError(t, err)
		sendAll(t, old, next.Vaults)
		a, err := next.v.OpenArrival(t.Context())
		require.NoError(t, err)
		require.Zero(t, usage(t, next.Stage, next.v.ID()).Reserved)
		require.NotEqual(t, there, known[1].there(t))
		require.NotEqual(t, was, known[0].there(t))
		return a
	}
	a := opens()
	require.NoError(t, next.v.EndArrival(t.Context()))
	require.Equal(t, there, known[1].there(t), "the person's word")
	_, err := a.ReadAt(make([]byte, 100), 0)
	require.ErrorIs(t, err, vault.ErrNotFound, "who reads meanwhile hears that it ended, not that it was altered")
	require.NoError(t, a.Close())
	require.NoError(t, old.v.EndDeparture(t.Context()))
	require.Equal(t, was, known[0].there(t))

	code = await(t, next)
	require.NoError(t, opens().Close())
	code = await(t, next)
	require.Equal(t, there, known[1].there(t), "the next code")
	require.NoError(t, old.v.EndDeparture(t.Context()))

	a = opens()
	_, err = next.v.AcceptArrival(t.Context(), a, 1, 0)
	require.NoError(t, err)
	require.Equal(t, there, known[1].there(t), "taking it in")
	_, confirmed, err := old.v.ConfirmDeparture(t.Context(), next.Vaults)
	require.NoError(t, err)
	require.True(t, confirmed)
	require.Equal(t, was, known[0].there(t), "the receipt")
}
