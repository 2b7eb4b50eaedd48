package demo_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"reconnect.example/internal/testkeys"
	"reconnect.example/refserver/demo"
	"reconnect.example/vault"
	"reconnect.example/vault/local"
)

func open(t *testing.T) (*local.Local, string) {
	t.Helper()
	testkeys.UseCheapKDF()
	folder := t.TempDir()
	data, err := local.Open(folder)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, data.Close()) })
	return data, folder
}

func overview(t *testing.T, data *local.Local, p demo.Person) vault.Overview {
	t.Helper()
	v, err := data.Unlock(t.Context(), vault.Password{Login: p.Login, Secret: p.Password})
	require.NoError(t, err)
	defer v.Close()
	o, err := v.Overview(t.Context())
	require.NoError(t, err)
	return o
}

func TestTheSampleHasSomethingOfEverything(t *testing.T) {
	t.Parallel()
	data, folder := open(t)
	p, err := demo.Prepare(t.Context(), data.Vaults, folder)
	require.NoError(t, err)
	o := overview(t, data, p)
	require.NotZero(t, o.Counts.Documents)
	require.NotZero(t, o.Counts.Contacts)
	require.NotZero(t, o.Counts.Appointments)
	require.NotZero(t, o.Counts.Notes)
	require.NotZero(t, o.Counts.Private)
	require.Less(t, o.Counts.Private, o.Counts.Documents+o.Counts.Contacts+o.Counts.Appointments+o.Counts.Notes)
	require.NotEmpty(t, o.Next)
	require.Less(t, time.Until(o.Next[0].Appointment.Start), 4*24*time.Hour, "one soon")
	require.NotEmpty(t, o.Expiring)
	info, err := os.Stat(filepath.Join(folder, "demo.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestAStartThatWasBrokenOffIsCompletedWithoutDoubles(t *testing.T) {
	t.Parallel()
	whole, wholeFolder := open(t)
	p, err := demo.Prepare(t.Context(), whole.Vaults, wholeFolder)
	require.NoError(t, err)
	want := overview(t, whole, p).Counts

	data, folder := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cut := time.AfterFunc(100*time.Millisecond, cancel) // somewhere in the middle, or not at all on a fast machine
	first, err := demo.Prepare(ctx, data.Vaults, folder)
	cut.Stop()
	cancel()
	if err == nil { // it was too fast: break it off by hand
		forget(t, folder, first)
	}
	again, err := demo.Prepare(t.Context(), data.Vaults, folder)
	require.NoError(t, err)
	require.Equal(t, want, overview(t, data, again).Counts)
	same, err := demo.Prepare(t.Context(), data.Vaults, folder)
	require.NoError(t, err)
	require.Equal(t, again, same)
}

func forget(t *testing.T, folder string, p demo.Person) {
	t.Helper()
	p.Filled = false
	raw, err := json.Marshal(p)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "demo.json"), raw, 0o600))
}

func TestAClosedSampleIsMadeAnew(t *testing.T) {
	t.Parallel()
	data, folder := open(t)
	p, err := demo.Prepare(t.Context(), data.Vaults, folder)
	require.NoError(t, err)
	v, err := data.Unlock(t.Context(), vault.Password{Login: p.Login, Secret: p.Password})
	require.NoError(t, err)
	_, err = v.Erase(t.Context(), p.Password)
	require.NoError(t, err)
	fresh, err := demo.Prepare(t.Context(), data.Vaults, folder)
	require.NoError(t, err)
	require.NotEqual(t, p.Login, fresh.Login)
	require.NotZero(t, overview(t, data, fresh).Counts.Documents)
}
