package recoverytest

import (
	"context"
	"reflect"
	"sync"

	"reconnect.example/consent/consenttest"
	"reconnect.example/storage/storagetest"
	"reconnect.example/vault/vaulttest"
)

// settled is a stage on which everybody has come, and what its parts held then. To bring
// seven people onto a stage takes a quarter of a second of the processor, and most tests
// begin with the same: each gets a copy of its own.
type settled struct {
	*Stage
	copy *vaulttest.Copy
}

var theSettled = sync.OnceValues(func() (*settled, error) {
	ctx := context.Background()
	s, err := open(ctx, &Options{}, (*Stage).settle)
	if err != nil {
		return nil, err
	}
	c, err := s.Stage.CloseAndCopy(ctx)
	return &settled{s, c}, err
})

// plain says whether people come onto a stage as they do onto any other: in memory or in
// a store that is the adversary, whatever stands between the service and its parts.
func plain(opts *Options) bool {
	c := opts.Consent
	v := &c.Vault
	if _, adversary := v.Records.(*storagetest.Malicious); adversary {
		v.Records, v.Documents = nil, nil
	}
	v.Driver, v.Blobs, v.Keeper, v.Checkpoints, v.Limiter = nil, nil, nil, nil, nil
	return reflect.ValueOf(c).IsZero()
}

// openSettled opens a stage over a copy, with everybody in the session that they had.
func openSettled(ctx context.Context, opts *Options) (*Stage, error) {
	before, err := theSettled()
	if err != nil {
		return nil, err
	}
	with := *opts
	with.Consent.Vault.Copy, with.Consent.Authority = before.copy, before.Authority
	return open(ctx, &with, func(s *Stage, ctx context.Context) error { return s.resume(ctx, before.Stage) })
}

// resume has everybody who was on a stage go on here.
func (s *Stage) resume(ctx context.Context, before *Stage) (err error) {
	s.Organisation, s.Followed, s.Allowed = before.Organisation, before.Followed, before.Allowed
	for _, r := range []struct {
		here **consenttest.Relay
		was  *consenttest.Relay
	}{{&s.Harbour, before.Harbour}, {&s.Line, before.Line}} {
		if *r.here, err = r.was.Resumed(ctx, s.Stage); err != nil {
			return err
		}
	}
	for _, w := range []struct {
		here **consenttest.Staff
		was  *consenttest.Staff
	}{{&s.Samir, before.Samir}, {&s.Rosa, before.Rosa}, {&s.Lina, before.Lina}, {&s.Omar, before.Omar}} {
		if *w.here, err = w.was.Resumed(ctx, s.Stage); err != nil {
			return err
		}
	}
	amina := *before.Amina
	amina.Vault, err = s.Stage.Vaults.Resume(ctx, before.Amina.Vault.Token())
	s.Amina = &amina
	return err
}
