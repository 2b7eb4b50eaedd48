package seal_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
)

// TestAttack holds, by the ids of docs/threat-model.md, what this package does
// against the store. Each fails when its defence is taken out.
func TestAttack(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]func(t *testing.T){
		"A1_swapped_blobs":                testSwappedStreams,
		"A2_swapped_vaults":               testSwappedRecords,
		"A3_swapped_revisions":            testSwappedStreams,
		"A4_truncated_blob":               testTruncatedBlob,
		"A4_truncated_range":              testForgedRanges,
		"A5_segments_moved":               testSegmentsMoved,
		"A6_record_on_other_content":      testClearHeaderMoved,
		"A9_sizes_compared":               testSizesCompared,
		"A10_nothing_compressed":          testNothingCompressed,
		"A11_two_keys":                    testCommitmentRefusesFirst,
		"A12_read_ended_early":            testLastBytesWaitForTheEnd,
		"D7_malformed_keys":               testBadKeysRefused,
		"E1_lowered_kdf":                  testLoweredKDFRefused,
		"E2_raised_kdf":                   testRaisedKDFRefused,
		"E4_wrong_length":                 testWrongLengthRefusedBeforeDecrypting,
		"E5_fits_many_passwords":          testCommitmentRefusesFirst,
		"E6_old_format":                   testOldFormat,
		"E7_unknown_algorithm":            testUnknownAlgorithm,
		"E9_omitted_kdf":                  testMissingKDFRefused,
		"H1_swapped_keeper_ciphertexts":   testSwappedKeeperCiphertexts,
		"I1_ambiguous_associated_data":    testAmbiguousContext,
		"I2_other_encodings":              testOnlyOneEncoding,
		"I3_one_key_for_two_record_types": testTwoTypes,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			attack(t)
		})
	}
}

// Two streams under one key, so that only the place tells them apart: another
// document's, and another revision's of the same.
func testSwappedStreams(t *testing.T) {
	key, doc := seal.NewStreamKey(), randomBytes(70_000)
	for _, name := range []string{"another object", "another revision"} {
		place := elsewhere(document())[name]
		theirs := sealStream(t, key, place, doc)
		requireNeverWhole(t, doc, theirs, key, document(), name)
		_, err := readRange(&blob{bytes: theirs}, key, document(), len(doc), 10, 10)
		require.ErrorIs(t, err, seal.ErrOpen)
	}
}

func testSwappedRecords(t *testing.T) {
	for _, w := range ways(t) {
		for _, name := range []string{"another vault", "another compartment"} {
			theirs, err := w.seal(elsewhere(item())[name], []byte("c"), []byte("body"))
			require.NoError(t, err)
			clear, body, err := w.open(item(), theirs)
			require.ErrorIs(t, err, seal.ErrOpen, "%s, %s", w.name, name)
			require.Nil(t, clear)
			require.Nil(t, body)
		}
	}
}

// The clear header names the blob: it cannot be put on another sealed body, also
// when the place is the same.
func testClearHeaderMoved(t *testing.T) {
	for _, w := range ways(t) {
		a, err := w.seal(item(), []byte("blob a"), []byte("blob a"))
		require.NoError(t, err)
		b, err := w.seal(item(), []byte("blob b"), []byte("blob b"))
		require.NoError(t, err)
		mixed := append(bytes.Clone(a[:headLen+6]), b[headLen+6:]...)
		clear, body, err := w.open(item(), mixed)
		require.ErrorIs(t, err, seal.ErrOpen, w.name)
		require.Nil(t, clear)
		require.Nil(t, body)
	}
}

func testSizesCompared(t *testing.T) {
	for _, w := range ways(t) {
		if w.alg == seal.AlgEd25519 {
			continue // hides nothing
		}
		lengths := map[int]bool{}
		for n := range 256 {
			envelope, err := w.seal(item(), nil, bytes.Repeat([]byte("x"), n))
			require.NoError(t, err)
			lengths[len(envelope)] = true
		}
		require.Len(t, lengths, 1, "%s: every title up to 255 bytes has one length", w.name)
	}
	key := seal.NewStreamKey()
	lengths := map[int]bool{}
	for n := 100_000; n < 101_000; n += 50 {
		lengths[len(sealStream(t, key, document(), make([]byte, n)))] = true
	}
	require.Len(t, lengths, 2, "100 000 to 100 352, and above")
}

func testOldFormat(t *testing.T) {
	for _, w := range ways(t) {
		envelope, err := w.seal(item(), nil, []byte("body"))
		require.NoError(t, err)
		for version := range 256 {
			if version >= int(seal.MinFormat) && version <= int(seal.Format) {
				continue
			}
			envelope[0] = byte(version)
			_, _, err = w.open(item(), envelope)
			require.ErrorIs(t, err, seal.ErrFormat, "%s, version %d", w.name, version)
			_, _, err = seal.ParseClear(envelope)
			require.ErrorIs(t, err, seal.ErrFormat)
		}
	}
}

func testUnknownAlgorithm(t *testing.T) {
	for _, w := range ways(t) {
		envelope, err := w.seal(item(), nil, []byte("body"))
		require.NoError(t, err)
		for alg := range 256 {
			if alg == int(w.alg) {
				continue
			}
			envelope[1] = byte(alg)
			_, _, err = w.open(item(), envelope)
			require.ErrorIs(t, err, seal.ErrFormat, "%s, algorithm %d", w.name, alg)
		}
	}
}

func testAmbiguousContext(t *testing.T) {
	key := seal.NewKey()
	cut := func(object, holder string) seal.Context {
		c := item()
		c.Object, c.Holder = []byte(object), []byte(holder)
		return c
	}
	places := []seal.Context{cut("ab", "c"), cut("a", "bc"), cut("abc", ""), cut("", "abc")}
	for i, made := range places {
		envelope, err := key.Seal(made, nil, []byte("body"))
		require.NoError(t, err)
		for j, c := range places {
			_, _, err = key.Open(c, envelope)
			if i == j {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, seal.ErrOpen)
			}
		}
	}
}

func testTwoTypes(t *testing.T) {
	page := item()
	page.Type = seal.TypePage
	for _, w := range ways(t) {
		envelope, err := w.seal(item(), nil, []byte("body"))
		require.NoError(t, err)
		_, _, err = w.open(page, envelope)
		require.ErrorIs(t, err, seal.ErrOpen, w.name)

		// Nor when the header says what the reader wants to see.
		envelope[3] = byte(seal.TypePage)
		_, _, err = w.open(page, envelope)
		require.ErrorIs(t, err, seal.ErrOpen, w.name)
	}
	key := seal.NewSigningKey()
	sig := key.Sign(item(), []byte("message"))
	require.ErrorIs(t, seal.VerifySignature(key.Public(), page, []byte("message"), sig), seal.ErrOpen)
}
