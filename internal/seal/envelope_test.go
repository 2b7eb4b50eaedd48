package seal_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"reconnect.example/internal/seal"
)

func TestEnvelopeOpensWhereItWasMade(t *testing.T) {
	t.Parallel()
	for _, w := range ways(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				c := drawContext(t)
				clear := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "clear")
				body := rapid.SliceOfN(rapid.Byte(), 0, 700).Draw(t, "body")
				if w.alg == seal.AlgEd25519 {
					clear = body
				}
				envelope, err := w.seal(c, clear, body)
				require.NoError(t, err)

				typ, before, err := seal.ParseClear(envelope)
				require.NoError(t, err)
				require.Equal(t, c.Type, typ)
				require.True(t, bytes.Equal(clear, before))

				gotClear, gotBody, err := w.open(c, envelope)
				require.NoError(t, err)
				require.True(t, bytes.Equal(clear, gotClear))
				require.True(t, bytes.Equal(body, gotBody))
			})
		})
	}
}

func TestEnvelopeHasTheDrawnForm(t *testing.T) {
	t.Parallel()
	for _, w := range ways(t) {
		envelope, err := w.seal(item(), []byte("clear"), []byte("clear"))
		require.NoError(t, err)
		head := []byte{1, byte(w.alg), 0, byte(seal.TypeItem), 0, 0, 0, 5}
		require.Equal(t, append(head, "clear"...), envelope[:13], w.name)
	}
}

func TestEnvelopeOpensNowhereElse(t *testing.T) {
	t.Parallel()
	for _, w := range ways(t) {
		envelope, err := w.seal(item(), []byte("clear"), []byte("body"))
		require.NoError(t, err)
		for name, c := range elsewhere(item()) {
			clear, body, err := w.open(c, envelope)
			require.ErrorIs(t, err, seal.ErrOpen, "%s, %s", w.name, name)
			require.Nil(t, clear)
			require.Nil(t, body)
		}
	}
}

func TestEnvelopeOpensWithNoOtherKey(t *testing.T) {
	t.Parallel()
	for _, w := range ways(t) {
		envelope, err := w.seal(item(), []byte("clear"), []byte("body"))
		require.NoError(t, err)
		clear, body, err := w.stranger(item(), envelope)
		requireRefused(t, clear, body, err, w.name)
		require.NotErrorIs(t, err, seal.ErrFormat, w.name)
	}
}

func TestEnvelopeWithAnyFlippedBitIsRefused(t *testing.T) {
	t.Parallel()
	for _, w := range ways(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			envelope, err := w.seal(item(), []byte("clear"), []byte("body"))
			require.NoError(t, err)
			for i := 0; i < len(envelope); i += w.step() {
				forged := bytes.Clone(envelope)
				forged[i] ^= 1 << (i % 8)
				clear, body, err := w.open(item(), forged)
				requireRefused(t, clear, body, err, i)
			}
		})
	}
}

func TestEnvelopeCutOrExtendedIsRefused(t *testing.T) {
	t.Parallel()
	for _, w := range ways(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			envelope, err := w.seal(item(), []byte("clear"), []byte("body"))
			require.NoError(t, err)
			for n := 0; n < len(envelope); n += w.step() {
				clear, body, err := w.open(item(), envelope[:n])
				requireRefused(t, clear, body, err, n)
			}
			for _, tail := range [][]byte{{0}, {0x80}, envelope} {
				clear, body, err := w.open(item(), append(bytes.Clone(envelope), tail...))
				requireRefused(t, clear, body, err)
			}
		})
	}
}

// malformed are envelopes that nobody may try a key on.
func malformed(t *testing.T, w way) map[string][]byte {
	t.Helper()
	envelope, err := w.seal(item(), []byte("clear"), []byte("body"))
	require.NoError(t, err)
	with := func(at int, b ...byte) []byte {
		e := bytes.Clone(envelope)
		copy(e[at:], b)
		return e
	}
	return map[string][]byte{
		"nothing":                      {},
		"a cut head":                   envelope[:7],
		"no version":                   with(0, 0),
		"a newer version":              with(0, seal.Format+1),
		"the highest version":          with(0, 255),
		"no algorithm":                 with(1, 0),
		"a stream's algorithm":         with(1, byte(seal.AlgStream)),
		"an algorithm to come":         with(1, byte(seal.AlgKeeper)+1),
		"the highest algorithm":        with(1, 255),
		"no type":                      with(2, 0, 0),
		"a type to come":               with(2, 0, byte(seal.LastType)+1),
		"a clear header without end":   with(4, 255, 255, 255, 255),
		"a clear header one too long":  with(4, binary.BigEndian.AppendUint32(nil, uint32(len(envelope)-7))...),
		"only a head and no such text": with(0)[:8],
	}
}

func TestMalformedEnvelopeIsRefusedBeforeAnyKey(t *testing.T) {
	t.Parallel()
	var noKey seal.Key
	var noBox seal.BoxKey
	neverCalled := func([]byte) ([]byte, error) { panic("the key service was asked") }
	for _, w := range ways(t) {
		for name, envelope := range malformed(t, w) {
			_, clear, err := seal.ParseClear(envelope)
			require.ErrorIs(t, err, seal.ErrFormat, name)
			require.Nil(t, clear)
			_, _, err = w.open(item(), envelope)
			require.ErrorIs(t, err, seal.ErrFormat, "%s, %s", w.name, name)

			// Without a key the answer is the same, so none was used.
			_, _, err = noKey.Open(item(), envelope)
			require.ErrorIs(t, err, seal.ErrFormat, name)
			_, _, err = noKey.OpenCommitted(item(), envelope)
			require.ErrorIs(t, err, seal.ErrFormat, name)
			_, _, err = noBox.Open(item(), envelope)
			require.ErrorIs(t, err, seal.ErrFormat, name)
			_, err = seal.OpenSigned(nil, item(), envelope)
			require.ErrorIs(t, err, seal.ErrFormat, name)
			_, _, err = seal.OpenKeeper(item(), envelope, neverCalled)
			require.ErrorIs(t, err, seal.ErrFormat, name)
		}
	}
}

func TestAlgorithmIsTheCallersChoice(t *testing.T) {
	t.Parallel()
	all := ways(t)
	for _, made := range all {
		envelope, err := made.seal(item(), []byte("clear"), []byte("body"))
		require.NoError(t, err)
		for _, w := range all {
			if w.alg == made.alg {
				continue
			}
			_, _, err := w.open(item(), envelope)
			require.ErrorIs(t, err, seal.ErrFormat, "%s opened as %s", made.name, w.name)

			// Nor does it help to write the expected algorithm over the real one.
			forged := bytes.Clone(envelope)
			forged[1] = byte(w.alg)
			clear, body, err := w.open(item(), forged)
			requireRefused(t, clear, body, err, made.name, w.name)
		}
	}
}

func TestNothingIsSealedWithoutATypeOrAKey(t *testing.T) {
	t.Parallel()
	noType := item()
	noType.Type = 0
	unknown := item()
	unknown.Type = seal.LastType + 1
	for _, w := range ways(t) {
		for _, c := range []seal.Context{noType, unknown} {
			envelope, err := w.seal(c, nil, []byte("body"))
			require.ErrorIs(t, err, seal.ErrArgument, w.name)
			require.Nil(t, envelope)
			_, _, err = w.open(c, []byte{1, byte(w.alg), 0, 6, 0, 0, 0, 0})
			require.ErrorIs(t, err, seal.ErrArgument, w.name)
		}
	}

	var key seal.Key
	_, err := key.Seal(item(), nil, nil)
	require.ErrorIs(t, err, seal.ErrArgument)
	_, err = key.SealCommitted(item(), nil, nil)
	require.ErrorIs(t, err, seal.ErrArgument)
	_, err = seal.SigningKey{}.SignEnvelope(item(), nil)
	require.ErrorIs(t, err, seal.ErrArgument)
	require.Nil(t, seal.SigningKey{}.Sign(item(), nil))
	require.Nil(t, seal.SigningKey{}.Public())
	require.Nil(t, seal.BoxKey{}.Public())
	_, err = seal.BoxKey{}.Public().Seal(item(), nil, nil)
	require.ErrorIs(t, err, seal.ErrFormat)
	_, err = seal.NewStreamWriter(nil, key, document())
	require.ErrorIs(t, err, seal.ErrArgument)
	_, err = seal.NewStreamReader(nil, key, document(), 1)
	require.ErrorIs(t, err, seal.ErrArgument)
}

func TestZeroKeyOpensNothing(t *testing.T) {
	t.Parallel()
	for _, w := range ways(t) {
		envelope, err := w.seal(item(), nil, []byte("body"))
		require.NoError(t, err)
		switch w.alg {
		case seal.AlgXAES:
			_, _, err = seal.Key{}.Open(item(), envelope)
		case seal.AlgCommitted:
			_, _, err = seal.Key{}.OpenCommitted(item(), envelope)
		case seal.AlgBox:
			_, _, err = seal.BoxKey{}.Open(item(), envelope)
		default:
			continue
		}
		require.ErrorIs(t, err, seal.ErrOpen, w.name)
	}
}

func TestSealingTwiceLooksDifferent(t *testing.T) {
	t.Parallel()
	for _, w := range ways(t) {
		if w.alg == seal.AlgEd25519 {
			continue // deterministic, and nothing is hidden
		}
		a, err := w.seal(item(), nil, []byte("body"))
		require.NoError(t, err)
		b, err := w.seal(item(), nil, []byte("body"))
		require.NoError(t, err)
		require.NotEqual(t, a, b, w.name)
	}
}

func TestDigestIsSHA256(t *testing.T) {
	t.Parallel()
	digest := seal.Digest([]byte("abc"))
	require.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hex.EncodeToString(digest[:]))
}

// FuzzOpenEnvelope: whatever the store serves, opening it is refused or gives
// what was sealed, and never panics.
func FuzzOpenEnvelope(f *testing.F) {
	all := waysWith(f, goldenKey)
	for _, w := range all {
		envelope, err := w.seal(item(), []byte("clear"), []byte("body"))
		require.NoError(f, err)
		f.Add(envelope)
	}
	f.Fuzz(func(t *testing.T, envelope []byte) {
		typ, clear, err := seal.ParseClear(envelope)
		if err != nil {
			require.ErrorIs(t, err, seal.ErrFormat)
		} else {
			require.NotZero(t, typ)
			require.LessOrEqual(t, len(clear), len(envelope)-8)
		}
		for _, w := range all {
			if clear, got, err := w.open(item(), envelope); err != nil {
				requireRefused(t, clear, got, err)
			} else {
				require.Equal(t, "body", string(got))
			}
		}
	})
}
