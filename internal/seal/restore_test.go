package seal_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

func aRestore() *seal.Restore {
	return &seal.Restore{
		Vault: vault, Epoch: 3, Taken: 1_790_000_000_000, Issued: 1_790_000_500_000,
		Heads: []seal.RestoredHead{
			{Head: "shared", Version: 4, Hash: [32]byte{5}},
			{Head: "private", Version: 600, Hash: [32]byte{7}},
			{Head: "journal"}, // the store has none
		},
	}
}

// twoKeys are an operator's and a witness's.
func twoKeys(t testing.TB) (operator, witness seal.SigningKey) {
	t.Helper()
	operator, err := seal.SigningKeyFromBytes(bytes.Repeat([]byte{0x41}, 32))
	require.NoError(t, err)
	witness, err = seal.SigningKeyFromBytes(goldenKey)
	require.NoError(t, err)
	return operator, witness
}

func TestRestoreStatementOfTheFirstFormatStillOpens(t *testing.T) {
	t.Parallel()
	operator, witness := twoKeys(t)
	stored := golden(t, "restore", func() []byte {
		statement, err := operator.SealRestore(aRestore())
		require.NoError(t, err)
		complete, err := witness.CountersignRestore(vault, statement)
		require.NoError(t, err)
		return complete
	})
	got, err := seal.OpenRestored(operator.Public(), witness.Public(), vault, stored)
	require.NoError(t, err)
	require.Equal(t, aRestore(), got)
	statement, err := operator.SealRestore(got)
	require.NoError(t, err)
	again, err := witness.CountersignRestore(vault, statement)
	require.NoError(t, err)
	require.Equal(t, stored, again, "the same statement is answered with the same bytes")
}

func TestRestoreStatementNeedsBothSignaturesEachByItsKey(t *testing.T) {
	t.Parallel()
	operator, witness := twoKeys(t)
	stranger := seal.NewSigningKey()
	statement, err := operator.SealRestore(aRestore())
	require.NoError(t, err)
	opened, err := seal.OpenRestore(operator.Public(), vault, statement)
	require.NoError(t, err)
	require.Equal(t, aRestore(), opened)
	good, err := witness.CountersignRestore(vault, statement)
	require.NoError(t, err)

	elsewhere := vault
	elsewhere[0] ^= 1
	for name, open := range map[string]func() (*seal.Restore, error){
		"of another vault": func() (*seal.Restore, error) {
			return seal.OpenRestored(operator.Public(), witness.Public(), elsewhere, good)
		},
		"another operator": func() (*seal.Restore, error) {
			return seal.OpenRestored(stranger.Public(), witness.Public(), vault, good)
		},
		"another witness": func() (*seal.Restore, error) {
			return seal.OpenRestored(operator.Public(), stranger.Public(), vault, good)
		},
		"keys exchanged": func() (*seal.Restore, error) {
			return seal.OpenRestored(witness.Public(), operator.Public(), vault, good)
		},
		"the operator's alone, as if complete": func() (*seal.Restore, error) {
			return seal.OpenRestored(operator.Public(), witness.Public(), vault, statement)
		},
		"the operator's alone, another's statement": func() (*seal.Restore, error) {
			return seal.OpenRestore(stranger.Public(), vault, statement)
		},
		"the operator's alone, of another vault": func() (*seal.Restore, error) {
			return seal.OpenRestore(operator.Public(), elsewhere, statement)
		},
		"the operator twice": func() (*seal.Restore, error) {
			twice, err := operator.CountersignRestore(vault, statement)
			require.NoError(t, err)
			return seal.OpenRestored(operator.Public(), witness.Public(), vault, twice)
		},
		"a signature under another statement": func() (*seal.Restore, error) {
			other := aRestore()
			other.Epoch++
			second, err := operator.SealRestore(other)
			require.NoError(t, err)
			require.Len(t, second, len(statement))
			return seal.OpenRestored(operator.Public(), witness.Public(), vault, bytes.Replace(good, statement, second, 1))
		},
		"too long": func() (*seal.Restore, error) {
			return seal.OpenRestored(operator.Public(), witness.Public(), vault, make([]byte, 2*seal.MaxRestore+1))
		},
		"far too long": func() (*seal.Restore, error) {
			return seal.OpenRestore(operator.Public(), vault, make([]byte, 1<<20))
		},
	} {
		r, err := open()
		requireRefused(t, nil, nil, err, name)
		require.Nil(t, r, name)
	}
	for i := range good {
		r, err := seal.OpenRestored(operator.Public(), witness.Public(), vault, flip(good, i))
		requireRefused(t, nil, nil, err, i)
		require.Nil(t, r)
	}
	_, err = seal.OpenRestored(operator.Public(), operator.Public(), vault, good)
	require.ErrorIs(t, err, seal.ErrArgument, "one key is one party")
	_, err = seal.SigningKey{}.CountersignRestore(vault, statement)
	require.ErrorIs(t, err, seal.ErrArgument)
	_, err = witness.CountersignRestore(vault, make([]byte, seal.MaxRestore+1))
	require.ErrorIs(t, err, seal.ErrArgument)
}

func TestRestoreStatementThatDoesNotFixTheHeadsIsNeitherMadeNorTaken(t *testing.T) {
	t.Parallel()
	operator, _ := twoKeys(t)
	for name, change := range map[string]func(r *seal.Restore){
		"epoch 0":                      func(r *seal.Restore) { r.Epoch = 0 },
		"no day":                       func(r *seal.Restore) { r.Taken = 0 },
		"never issued":                 func(r *seal.Restore) { r.Issued = -1 },
		"no heads":                     func(r *seal.Restore) { r.Heads = nil },
		"a head left out":              func(r *seal.Restore) { r.Heads = r.Heads[:2] },
		"a head twice":                 func(r *seal.Restore) { r.Heads[1] = r.Heads[0] },
		"other order":                  func(r *seal.Restore) { r.Heads[0], r.Heads[1] = r.Heads[1], r.Heads[0] },
		"the owner head":               func(r *seal.Restore) { r.Heads[0].Head = "owner" },
		"a version without a hash":     func(r *seal.Restore) { r.Heads[0].Hash = [32]byte{} },
		"a hash without a version":     func(r *seal.Restore) { r.Heads[0].Version = 0 },
		"more heads than there can be": func(r *seal.Restore) { r.Heads = append(r.Heads, r.Heads...) },
	} {
		r := aRestore()
		change(r)
		_, err := operator.SealRestore(r)
		require.ErrorIs(t, err, seal.ErrArgument, name)
		body, err := seal.Marshal(r)
		require.NoError(t, err)
		forced, err := operator.SignEnvelope(seal.Context{Type: seal.TypeStatement, Vault: vault}, body)
		require.NoError(t, err)
		_, err = seal.OpenRestore(operator.Public(), vault, forced)
		require.ErrorIs(t, err, seal.ErrFormat, name)
	}
	_, err := operator.SealRestore(nil)
	require.ErrorIs(t, err, seal.ErrArgument)
	_, err = seal.SigningKey{}.SealRestore(aRestore())
	require.ErrorIs(t, err, seal.ErrArgument)

	other, err := operator.SealReset(vault, [32]byte{1}, 2)
	require.NoError(t, err)
	_, err = seal.OpenRestore(operator.Public(), vault, other)
	require.ErrorIs(t, err, seal.ErrOpen, "another signed record of the same vault is no statement")
}
