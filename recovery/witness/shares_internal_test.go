package witness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/storage/memstore"
)

// Who has one share can write its check letters anew, and not the proof in the other one.
func TestAShareThatItsHolderAlteredIsTold(t *testing.T) {
	t.Parallel()
	w, err := New(Config{Store: storage.New(memstore.New())})
	require.NoError(t, err)
	defer func() { require.NoError(t, w.Close()) }()
	e, err := NewEscrow(t.Context(), PublicKey(seal.NewSigningKey().Public()), time.Now(), []EscrowPart{{Name: "lyon", Witness: w}})
	require.NoError(t, err)
	shares, err := e.Shares()
	require.NoError(t, err)
	for name, alter := range map[string]func(*share){
		"a bit of the keys": func(s *share) { s.pad[len(s.pad)-1] ^= 1 },
		"the proof":         func(s *share) { s.proof[0] ^= 1 },
		"whose they are":    func(s *share) { s.keys[0] = "nice 1" },
		"the time":          func(s *share) { s.made = s.made.Add(time.Hour) },
		"a piece more":      func(s *share) { s.pad = append(s.pad, 0) },
	} {
		s, err := parseShare(shares[0])
		require.NoError(t, err)
		alter(s)
		_, err = parseShare(s.String())
		require.NoError(t, err, "its check letters fit")
		_, err = OpenEscrow(s.String(), shares[1])
		require.ErrorIs(t, err, ErrShare, name)
		require.ErrorContains(t, err, "one of them was altered", name)
	}
}
