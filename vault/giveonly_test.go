package vault_test

import (
	"bytes"
	"context"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/quota"
	"reconnect.example/vault"
)

// Whatever a program calls on a handle that may only give: it is refused, tells
// nothing of what is there, and does not fall over. A method that is new is tried,
// too, with empty arguments.
func TestAHandleThatMayOnlyGiveTellsNothing(t *testing.T) {
	t.Parallel()
	tn := newTown(t, nil)
	it := addTo(t, tn.v, vault.NewDocument{Name: "secret name", Compartment: vault.Shared}, []byte("secret text"))
	_, err := tn.v.AskForSpace(t.Context(), "secret reason")
	require.NoError(t, err)
	before := look(t, tn.v)
	grant := tn.follow(t, vault.ScopeGive)
	open := func() *vault.Vault {
		v, err := tn.open(t, grant)
		require.NoError(t, err)
		return v
	}
	giver := open()
	skipped := map[string]bool{"Close": true, "ID": true, "Standing": true, "GiveUp": true, "Terms": true, "SignedTerms": true, "LeaveNote": true} // of itself, and what it may
	for _, added := range []string{"Keys", "OpenPath", "ClosePath", "SetInbox", "LeaveForged", "ReplaceSlot", "ForgeLine", "PutSlot", "NoteRestored", "NewForge", "ExchangeParts", "ForgedUpload", "PrivateEntries", "ForgeDeparture", "LinkForgery"} {
		skipped[added] = true // by tests
	}
	handle := reflect.TypeOf(giver)
	tried := 0
	for i := range handle.NumMethod() {
		m := handle.Method(i)
		if skipped[m.Name] {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			args := []reflect.Value{reflect.ValueOf(open())}
			for n := 1; n < m.Type.NumIn(); n++ {
				args = append(args, argument(t, m.Type.In(n), it.ID))
			}
			if m.Type.IsVariadic() {
				args = args[:len(args)-1]
			}
			for _, out := range m.Func.Call(args) {
				requireNothing(t, out)
			}
		})
		tried++
	}
	require.Greater(t, tried, 50)
	_, err = giver.Count(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	_, err = giver.Overview(t.Context())
	require.ErrorIs(t, err, vault.ErrNotAllowed)
	require.Equal(t, before, look(t, tn.v), "nothing was changed")
	_, err = giver.LeaveNote(t.Context(), "x", vault.Note{}, vault.Place{})
	require.NoError(t, err, "and what it may, it still can")
}

// argument is a plausible one of any type.
func argument(t *testing.T, of reflect.Type, item vault.ItemID) reflect.Value {
	switch {
	case of == reflect.TypeFor[vault.ItemID]():
		return reflect.ValueOf(item)
	case of == reflect.TypeFor[vault.Compartment]():
		return reflect.ValueOf(vault.Private)
	case of.Kind() == reflect.String:
		return reflect.ValueOf("text").Convert(of)
	case of.Kind() == reflect.Uint64:
		return reflect.ValueOf(uint64(1)).Convert(of)
	case of == reflect.TypeFor[context.Context]():
		return reflect.ValueOf(t.Context())
	case of.Kind() == reflect.Interface && reflect.TypeFor[*bytes.Buffer]().Implements(of):
		return reflect.ValueOf(bytes.NewBufferString("text"))
	}
	return reflect.Zero(of)
}

// requireNothing demands that an answer is empty, or an error of the closed set. An
// iterator yields nothing else.
func requireNothing(t *testing.T, out reflect.Value) {
	t.Helper()
	if out.Kind() == reflect.Func && !out.IsNil() {
		if out.Type().CanSeq2() {
			for _, err := range out.Seq2() {
				requireNothing(t, err)
			}
			return
		}
	}
	err, failed := out.Interface().(error)
	if failed && err != nil {
		require.NotEmpty(t, vault.Code(err), "%v", err)
		var full *quota.FullError
		require.NotErrorAs(t, err, &full)
		require.NotContains(t, err.Error(), "secret")
		return
	}
	require.True(t, out.IsZero() || out.Kind() == reflect.Slice && out.Len() == 0, "it says %v", out)
}
