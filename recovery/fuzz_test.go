package recovery

import (
	"bytes"
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/seal"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// stored are the bodies that this package reads.
func stored() []any {
	return []any{
		new(params), new(shown), new(record), new(openingBody), new(given), new(givenBody), new(halfBody), new(noteBody), new(atPage), new(laterBody),
	}
}

// FuzzStoredBodies: what a store gives is anybody's bytes. They parse to what encodes to
// the same bytes again and makes sense, or are refused with an error that has a name.
func FuzzStoredBodies(f *testing.F) {
	secret, kdf := bytes.Repeat([]byte{7}, 32), seal.NewKDF()
	for _, v := range []any{
		params{Form: formSheet, KDF: &kdf}, params{Form: formAnswers, KDF: &kdf, Normal: normal1, Count: 3, Secret: secret, Generations: []uint64{1}, Waits: []int64{1 << 62}},
		params{Form: formPictures, KDF: &kdf, Count: 9, Secret: secret, Generations: []uint64{2}}, params{Form: formNothing, Generations: []uint64{1, 2}, Waits: []int64{-1, 5}},
		shown{Questions: []string{"Où ?", ""}}, shown{Pictures: 255},
		record{State: recordOpen, Until: 1 << 62, Public: secret, Private: secret, Salt: secret, Pointer: "svc/handover/x"}, record{State: recordDone, Salt: secret, Later: true}, record{State: 9},
		openingBody{Said: secret, Name: "Samir", Kind: vault.PathHelpers, Private: true}, given{Box: secret, Salt: secret, Generation: 1}, givenBody{Credential: secret, Signed: secret},
		halfBody{Kind: vault.PathSheetDesk, Shared: secret, Private: secret}, noteBody{Opening: secret}, atPage{Private: secret, Desk: secret, Until: -1}, laterBody{Relay: secret, Desk: secret, Generation: 1},
	} {
		b, err := seal.Marshal(v)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, v := range stored() {
			if err := seal.Unmarshal(b, v); err != nil {
				require.ErrorIs(t, err, seal.ErrFormat)
				continue
			}
			again, err := seal.Marshal(reflect.ValueOf(v).Elem().Interface())
			require.NoError(t, err)
			require.Equal(t, b, again, "%T", v)
		}
		readsRecord(t, b)
		for _, kind := range vault.PathKinds() {
			p, err := readParams(kind, b)
			if err != nil {
				require.ErrorIs(t, err, vault.ErrTampered)
				continue
			}
			require.GreaterOrEqual(t, p.longest(), time.Duration(0))
			require.Equal(t, kind == vault.PathHelpers, p.KDF == nil)
			require.Equal(t, kind.Witness() || kind == vault.PathAnswersRelay, len(p.Generations) > 0, "who guesses is counted")
		}
		if _, err := readShown(b); err != nil {
			require.ErrorIs(t, err, vault.ErrTampered)
		}
	})
}

func readsRecord(t *testing.T, b []byte) {
	t.Helper()
	id, request := vault.ID{1}, RequestID{2}
	n, ok := parseNamed(id, storage.Record{Key: requestKey(id, request), Value: b})
	r, err := readRecord(b)
	require.Equal(t, err == nil, ok)
	if err != nil {
		require.ErrorIs(t, err, vault.ErrTampered)
		return
	}
	require.Equal(t, request, n.id)
	require.False(t, r.isOpen(time.UnixMilli(r.Until)), "its time is over")
	require.False(t, r.State != recordOpen && r.isOpen(time.UnixMilli(0)))
	_, ok = parseNamed(id, storage.Record{Key: sideKey(id, request, sideDesk), Value: b})
	require.False(t, ok, "a half is no request")
}

// FuzzHandOverToken: a token is anybody's text. It leads to one place below the request
// that it names, which another token does not lead to, or nowhere.
func FuzzHandOverToken(f *testing.F) {
	f.Add(base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{7}, 64)))
	f.Add(strings.Repeat("A", 86))
	f.Add(strings.Repeat("_", 87))
	f.Add("../" + strings.Repeat("-", 83))
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := placeOf(token)
		if err != nil {
			require.ErrorIs(t, err, ErrCode)
			return
		}
		name, ok := strings.CutPrefix(p.at, requestKey(p.vault, p.id)+"/t/")
		require.True(t, ok)
		_, err = vault.ParseID(name)
		require.NoError(t, err, "a name that a store takes")
		raw, err := base64.RawURLEncoding.DecodeString(token)
		require.NoError(t, err)
		raw[len(raw)-1]++
		other, err := placeOf(base64.RawURLEncoding.EncodeToString(raw))
		require.NoError(t, err)
		require.NotEqual(t, p.at, other.at)
		require.NotEqual(t, p.key, other.key)
	})
}

// FuzzNumberAndCode: what people type is eight digits, in any script and grouping, or it
// costs no try.
func FuzzNumberAndCode(f *testing.F) {
	for _, typed := range []string{"1234 5678", "1234-5678", "١٢٣٤ ٥٦٧٨", "१२३४५६७८", "12345678 9", "1234567", "", "1234 567x", "\u200f1234 5678\u200f", strings.Repeat("1", 600), "\xff1234567"} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		digits, err := readDigits(typed)
		if err != nil {
			require.ErrorIs(t, err, ErrCode)
			return
		}
		require.Regexp(t, "^[0-9]{8}$", digits)
		for _, same := range []string{digits, inGroups(digits), " " + digits + " "} {
			again, err := readDigits(same)
			require.NoError(t, err)
			require.Equal(t, digits, again)
		}
	})
}
