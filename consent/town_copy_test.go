package consent_test

import (
	"context"
	"reflect"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"reconnect.example/consent"
	"reconnect.example/consent/consenttest"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault/vaulttest"
)

// firstTown is a town and what its parts held when everybody had come. Most tests begin
// with the same, and most of their time went into making it: each has a copy.
type firstTown struct {
	*town
	copy *vaulttest.Copy
}

var theFirstTown = sync.OnceValues(func() (*firstTown, error) {
	ctx := context.Background()
	stage, err := consenttest.Open(ctx, nil)
	if err != nil {
		return nil, err
	}
	tn := &town{Stage: stage, centre: &centre{}}
	if tn.centre.Relay, err = stage.NewRelay(ctx, "Accueil de jour"); err != nil {
		return nil, err
	}
	tn.centre.relay = tn.centre.Relay.Relay
	if tn.centre.worker, err = tn.centre.NewHire(ctx, "Samir", consent.RoleHelp); err != nil {
		return nil, err
	}
	if err = stage.Publish(ctx, consent.Change{Licence: licenceOf(&tn.centre.relay, "L-1", "2026-01-01", "2026-12-31")}); err != nil {
		return nil, err
	}
	if tn.amina, err = stage.NewPerson(ctx); err != nil {
		return nil, err
	}
	made, err := stage.CloseAndCopy(ctx)
	return &firstTown{tn, made}, err
})

// beginsAsAny says whether a town is made as any other is: in memory or in a store that
// is the adversary, whatever stands between the service and its parts.
func beginsAsAny(o vaulttest.Options) bool {
	if _, adversary := o.Records.(*storagetest.Malicious); adversary {
		o.Records, o.Documents = nil, nil
	}
	o.Driver, o.Blobs, o.Keeper, o.Checkpoints, o.Limiter = nil, nil, nil, nil, nil
	return reflect.ValueOf(o).IsZero()
}

// newCopiedTown has everybody go on, in the sessions that they had.
func newCopiedTown(t testing.TB, o consenttest.Options) *town {
	t.Helper()
	before, err := theFirstTown()
	require.NoError(t, err)
	o.Vault.Copy, o.Authority = before.copy, before.Authority
	tn := &town{Stage: consenttest.New(t, &o), centre: &centre{relay: before.centre.relay}}
	tn.Organisation, tn.service = before.Organisation, tn.Service
	tn.centre.Relay, err = before.centre.Relay.Resumed(t.Context(), tn.Stage)
	require.NoError(t, err)
	tn.centre.worker, err = before.centre.worker.Resumed(t.Context(), tn.Stage)
	require.NoError(t, err)
	amina := *before.amina
	amina.Vault, err = tn.Vaults.Resume(t.Context(), amina.Vault.Token())
	require.NoError(t, err)
	tn.amina = &amina
	return tn
}
