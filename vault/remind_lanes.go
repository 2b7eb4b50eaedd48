package vault

import (
	"context"
	"errors"
	"sync"
)

// outgoing is a reminder that was taken, and is to be sent.
type outgoing struct {
	id      ID
	tag     string
	taken   reminderBody
	message Message
}

// reminderLanes send what one round took, each channel by itself. Nothing waits in them:
// what was taken and not sent when a service dies is not sent again.
type reminderLanes struct {
	s   *Vaults
	ctx context.Context
	of  map[Channel]chan outgoing
	all sync.WaitGroup

	mu    sync.Mutex // guards what follows
	r     ReminderReport
	errs  []error
	fault any // of the messenger
}

func (l *reminderLanes) count(what func(*ReminderReport)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what(&l.r)
}

// add returns when the lane has it in hand.
func (l *reminderLanes) add(o outgoing) {
	lane, ok := l.of[o.message.Channel]
	if !ok {
		lane = make(chan outgoing)
		l.of[o.message.Channel] = lane
		l.all.Go(func() { l.run(lane) })
	}
	lane <- o
}

// run sends until the round is over. Whoever hung once is given nothing more: it would
// hold the round up for each. What it is not given counts as not taken, and is tried
// again later.
func (l *reminderLanes) run(lane chan outgoing) {
	hangs := false
	for o := range lane {
		failed, broke := ErrNotSent, false
		if !hangs {
			hangs, broke, failed = l.send(o.message)
		}
		if broke {
			continue // it may have gone
		}
		err := l.s.remindDone(context.WithoutCancel(l.ctx), o.id, o.tag, o.taken, o.message.Channel, failed)
		l.count(func(r *ReminderReport) {
			if failed != nil {
				r.Failed++
			} else {
				r.Sent++
			}
			if err != nil && len(l.errs) < 10 {
				l.errs = append(l.errs, storageError(err))
			}
		})
	}
}

func (l *reminderLanes) send(m Message) (hangs, broke bool, failed error) {
	waits, cancel := context.WithTimeout(l.ctx, l.s.sendWaits)
	defer cancel()
	defer func() {
		if fault := recover(); fault != nil { // the caller's, and not the end of the program
			l.mu.Lock()
			l.fault = fault
			l.mu.Unlock()
			hangs, broke, failed = true, true, ErrNotSent
		}
	}()
	failed = l.s.cfg.Messenger.Send(waits, m)
	return waits.Err() != nil, false, failed
}

// end waits for what is under way.
func (l *reminderLanes) end(r *ReminderReport, err *error) {
	for _, lane := range l.of {
		close(lane)
	}
	l.all.Wait()
	if l.fault != nil {
		panic(l.fault)
	}
	*r, *err = l.r, errors.Join(append([]error{*err}, l.errs...)...)
}
