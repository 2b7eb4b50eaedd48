package engines

import (
	"context"
	"sync/atomic"

	"reconnect.example/consent"
	"reconnect.example/recovery"
	"reconnect.example/refserver/config"
)

// openStaff opens what people who help do: their own work, and helping somebody back in.
func (e *Engines) openStaff(c *config.Config) (err error) {
	e.Staff, err = consent.New(consent.Config{Vaults: e.Vaults, Store: e.Records, Directory: e.Directory, Register: e.register, OneFactor: c.OneFactor})
	if err != nil {
		return err
	}
	e.Recovery, err = recovery.New(recovery.Config{
		Vaults: e.Vaults, Consent: e.Staff, Directory: e.Directory, Register: e.register, Store: e.Records, Witness: e.Witness,
		Independent: c.WitnessIndependent, Offer: c.Recovery.Offered(), Waits: c.Recovery.Waits(), RequestsLast: c.Recovery.RequestLife(), Notifier: e.Helped,
	})
	return err
}

// Helped counts what happens with ways back in, for whoever runs the server: many requests
// at once are a sign that somebody tries to get in. It tells the people themselves
// nothing, and knows no address of theirs; their first screen does. A server that can
// reach people in another way puts a [recovery.Notifier] of its own in its place.
type Helped struct{ opened, cancelled, recovered atomic.Int64 }

// Notify counts an event, and forgets whom it is about.
func (h *Helped) Notify(_ context.Context, e recovery.Event) error {
	switch e.Kind {
	case recovery.EventOpened:
		h.opened.Add(1)
	case recovery.EventCancelled:
		h.cancelled.Add(1)
	case recovery.EventRecovered:
		h.recovered.Add(1)
	}
	return nil
}

// Counts returns how many requests were opened and cancelled, and how many people came
// back in, since this process started.
func (h *Helped) Counts() (opened, cancelled, recovered int64) {
	return h.opened.Load(), h.cancelled.Load(), h.recovered.Load()
}
