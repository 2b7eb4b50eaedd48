package recovery

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"reconnect.example/consent"
	"reconnect.example/storage"
	"reconnect.example/vault"
)

// Count is a number of one month. It is of nobody.
type Count struct {
	Month string // "2026-11", UTC
	Event string // "opened", "completed", "cancelled"
	Kind  vault.PathKind
	Count consent.Count
}

// countsDir is where a relay or a desk has its counters, R/rc/<month>/<event>/<kind>: a
// number in clear, that commits raise and nobody signs. It is for the yearly report.
const countsDir = "/rc/"

func count(tx *storage.Tx, relay consent.RelayID, now time.Time, event string, kind vault.PathKind) error {
	key := relay.String() + countsDir + now.UTC().Format("2006-01") + "/" + event + "/" + strconv.Itoa(int(kind))
	rec, err := tx.Get(key)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	n, _ := strconv.Atoi(string(rec.Value))
	tx.Put(key, []byte(strconv.Itoa(n+1)))
	return nil
}

// Counts returns how many requests this desk or relay had, month by month. For managers:
// consent.ErrNotManager; vault.ErrEnded to who is none any more.
func (s *Service) Counts(ctx context.Context, p *consent.Post) (out []Count, err error) {
	if !p.Roles().Has(consent.RoleManage) {
		return nil, consent.ErrNotManager
	}
	if err := stands(ctx, p); err != nil {
		return nil, err
	}
	prefix := p.Relay().ID.String() + countsDir
	for rec, err := range s.cfg.Store.All(ctx, prefix) {
		if err != nil {
			return nil, storageError(err)
		}
		parts := strings.Split(strings.TrimPrefix(rec.Key, prefix), "/")
		if len(parts) != 3 {
			continue
		}
		kind, kindErr := strconv.ParseUint(parts[2], 10, 8)
		n, err := strconv.Atoi(string(rec.Value))
		if errors.Join(kindErr, err) == nil {
			out = append(out, Count{Month: parts[0], Event: parts[1], Kind: vault.PathKind(kind), Count: consent.CountOf(n)})
		}
	}
	return out, nil
}
