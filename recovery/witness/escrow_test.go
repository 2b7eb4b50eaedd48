package witness_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/recovery/witness"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// house is a witness that serves two clients, and the key it is known by.
type house struct {
	of    witness.PublicKey
	clock *testClock
	parts map[string]*witness.Witness
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{of: witness.PublicKey(witnessKey.Public()), clock: &testClock{now: noon}, parts: map[string]*witness.Witness{}}
	for _, name := range []string{"lyon", "paris"} {
		h.parts[name] = start(t, memstore.New(), witness.Config{Now: h.clock.Now, FlushEvery: time.Second})
	}
	return h
}

func (h *house) escrow(t *testing.T) *witness.Escrow {
	t.Helper()
	e, err := witness.NewEscrow(t.Context(), h.of, h.clock.Now(), []witness.EscrowPart{{Name: "paris", Witness: h.parts["paris"]}, {Name: "lyon", Witness: h.parts["lyon"]}})
	require.NoError(t, err)
	return e
}

func (h *house) shares(t *testing.T) [2]string {
	t.Helper()
	shares, err := h.escrow(t).Shares()
	require.NoError(t, err)
	return shares
}

func opened(t *testing.T, one, other string) *witness.Escrow {
	t.Helper()
	e, err := witness.OpenEscrow(one, other)
	require.NoError(t, err)
	return e
}

// begunAnew is a witness over an empty store that was given the keys of lyon again.
func begunAnew(t *testing.T, h *house, e *witness.Escrow) *witness.Witness {
	t.Helper()
	driver := kept{memstore.New()}
	require.NoError(t, e.PutBack(t.Context(), "lyon", storage.New(driver), h.clock.Now()))
	return start(t, driver, witness.Config{Now: h.clock.Now, FlushEvery: time.Second})
}

func TestTwoSharesBringBackEveryKeyOfEveryClient(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := newPerson(t)
	register(t, h.parts["lyon"], p)
	was := map[uint64]witness.Evaluation{}
	for range 3 {
		e := evaluated(t, &subject{api: h.parts["lyon"], clock: h.clock}, p.vault, card, pin, 0)
		was[e.Generation] = e
		h.clock.move(time.Hour)
		_, err := h.parts["lyon"].RenewKey(t.Context())
		require.NoError(t, err)
	}
	shares := h.shares(t)
	for _, s := range shares {
		require.Contains(t, s, h.of.String())
		require.Contains(t, s, "key      lyon ")
		require.Contains(t, s, "key      paris ")
	}
	// Typed from the printed page, in capital letters and without empty lines.
	e := opened(t, strings.ToUpper(shares[1]), strings.ReplaceAll(shares[0], "\n\n", "\n"))
	require.Equal(t, h.of, e.Of())
	require.Equal(t, h.clock.Now(), e.Made())
	require.Equal(t, []string{"lyon", "paris"}, e.Names())
	require.Len(t, e.Generations("lyon"), 4)
	require.Len(t, e.Generations("paris"), 1, "drawn for the escrow")
	require.Nil(t, e.Generations("nice"))

	w := begunAnew(t, h, e)
	register(t, w, p)
	s := &subject{api: w, clock: h.clock}
	for generation, before := range was {
		require.Equal(t, before.Output, evaluated(t, s, p.vault, card, pin, generation).Output)
	}
	now := evaluated(t, s, p.vault, [32]byte{'n'}, pin, 0)
	require.NotContains(t, e.Generations("lyon"), now.Generation, "what is made from now on lies under a key of its own")
}

func TestOneShareTellsNothingOfTheKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	e := h.escrow(t)
	lines := func(text string) (out []string) {
		for line := range strings.Lines(text) {
			if words := strings.Fields(line); len(words) > 2 && strings.Trim(words[0], "0123456789") == "" {
				out = append(out, line)
			}
		}
		return out
	}
	seen := map[string]bool{}
	for range 20 { // of the same keys: no line of any share comes twice
		shares, err := e.Shares()
		require.NoError(t, err)
		for _, s := range shares {
			require.NotEmpty(t, lines(s))
			for _, line := range lines(s)[:len(lines(s))-1] { // the last one may be short
				require.False(t, seen[line])
				seen[line] = true
			}
			_, err := witness.OpenEscrow(s, s)
			require.ErrorIs(t, err, witness.ErrShare)
		}
	}
	require.Regexp(t, `^\{0x[0-9a-f]+\}$`, fmt.Sprintf("%v", *e), "it is not printed")
}

func TestAWrongPairOrADamagedShareIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	shares, later := h.shares(t), h.shares(t)
	tell := func(one, other, what string) {
		t.Helper()
		_, err := witness.OpenEscrow(one, other)
		require.ErrorIs(t, err, witness.ErrShare)
		require.ErrorContains(t, err, what)
	}
	tell(shares[0], later[1], "two escrows")
	tell(shares[0], shares[0], "both are share 1")
	tell(shares[1], shares[1], "both are share 2")
	tell("", shares[1], "in the first one: it is no share")
	tell(shares[0], "Reconnect witness: a letter", "in the second one: it is no share")
	tell(shares[0][:strings.Index(shares[0], "\nend")], shares[1], "its end is missing")
	tell(shares[0], strings.Repeat(shares[1], 10_000), "too long")

	var lines []string
	for line := range strings.Lines(shares[0]) {
		lines = append(lines, line)
	}
	for n, line := range lines {
		words := strings.Fields(line)
		if len(words) < 3 || strings.Trim(words[0], "0123456789") != "" {
			continue
		}
		without := strings.Join(append(append([]string{}, lines[:n]...), lines[n+1:]...), "")
		_, err := witness.OpenEscrow(without, shares[1])
		require.ErrorIs(t, err, witness.ErrShare, "a line left out")
		for at, letter := range line {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz234567", letter) || at < 5 {
				continue
			}
			wrong := line[:at] + string("ab"[map[bool]int{true: 1}[letter == 'a']]) + line[at+1:]
			tell(strings.Replace(shares[0], line, wrong, 1), shares[1], "in the first one: line "+words[0]+" is wrong")
		}
	}
	for _, what := range []string{"made     2026", "witness  rw-", "set      ", "key      lyon", "proof    ", "share    "} {
		at := strings.Index(shares[0], what) + len(what)
		other := "a"
		if shares[0][at] == 'a' {
			other = "b"
		}
		_, err := witness.OpenEscrow(shares[0][:at]+other+shares[0][at+1:], shares[1])
		require.ErrorIs(t, err, witness.ErrShare, what)
		require.ErrorContains(t, err, "in the first one", what)
	}
}

func TestWhatIsNoEscrowIsNotMadeOrPutBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lyon := h.parts["lyon"]
	for _, parts := range [][]witness.EscrowPart{nil, {{Name: "Lyon/x", Witness: lyon}}, {{Name: "a", Witness: lyon}, {Name: "a", Witness: lyon}}} {
		_, err := witness.NewEscrow(t.Context(), h.of, noon, parts)
		require.ErrorIs(t, err, witness.ErrInvalid)
	}
	e := h.escrow(t)
	require.ErrorIs(t, e.PutBack(t.Context(), "nice", storage.New(memstore.New()), noon), witness.ErrInvalid)
	require.ErrorIs(t, lyon.Escrowed(t.Context(), e, "nice"), witness.ErrInvalid)
	// Into a witness that has another key of the same generation: it is another's.
	driver := kept{memstore.New()}
	other := start(t, driver, witness.Config{Now: h.clock.Now})
	_, err := other.RenewKey(t.Context())
	require.NoError(t, err)
	require.NoError(t, other.Close())
	require.ErrorIs(t, e.PutBack(t.Context(), "lyon", storage.New(driver), noon), witness.ErrDamaged)

	require.NoError(t, lyon.Close())
	_, err = witness.NewEscrow(t.Context(), h.of, noon, []witness.EscrowPart{{Witness: lyon}})
	require.ErrorIs(t, err, witness.ErrClosed)
	_, err = lyon.Keys(t.Context())
	require.ErrorIs(t, err, witness.ErrClosed)
	require.ErrorIs(t, lyon.Escrowed(t.Context(), e, "lyon"), witness.ErrClosed)
}

func TestKeysThatAreInNoEscrowAreTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	lyon := h.parts["lyon"]
	state := func() (escrowed []bool) {
		keys, err := lyon.Keys(t.Context())
		require.NoError(t, err)
		for _, k := range keys {
			escrowed = append(escrowed, k.Escrowed)
		}
		return escrowed
	}
	require.Empty(t, state())
	first := h.escrow(t)
	require.Equal(t, []bool{false}, state(), "not before the shares are where they belong")
	require.NoError(t, lyon.Escrowed(t.Context(), first, "lyon"))
	require.Equal(t, []bool{true}, state())
	_, err := lyon.RenewKey(t.Context())
	require.NoError(t, err)
	require.Equal(t, []bool{true, false}, state())
	require.NoError(t, lyon.Escrowed(t.Context(), h.escrow(t), "lyon"))
	require.Equal(t, []bool{true, true}, state())
	require.NoError(t, lyon.Escrowed(t.Context(), first, "lyon"))
	require.Equal(t, []bool{true, true}, state(), "an older one changes nothing")
}
