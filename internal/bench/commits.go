package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"reconnect.example/storage"
	_ "reconnect.example/storage/sqlitestore" // sqlite: URLs
)

type duration = time.Duration

const (
	commitTarget = 2.0
	commitsEach  = 1600 // commits of one round, shared by its writers
)

// measureCommits is P5: transactions of five records each.
func measureCommits(ctx context.Context, o options) ([]result, error) {
	dir, remove, err := tempFolder(o)
	if err != nil {
		return nil, err
	}
	defer remove()
	store, err := storage.Open(ctx, (&url.URL{Scheme: "sqlite", Path: filepath.Join(dir, "records.db")}).String())
	if err != nil {
		return nil, err
	}
	t, err := inTurns(ctx, o.repeat,
		func() error { return commit(ctx, store, 1) },
		func() error { return commit(ctx, store, 8) })
	if err := errors.Join(err, store.Close()); err != nil {
		return nil, err
	}
	ratio := float64(t[0]) / float64(t[1])
	return []result{{"P5", "commits a second, 8 writers against 1", fmt.Sprintf("%.1f times (%.0f/s)", ratio, commitsEach/t[1].Seconds()), ">= 2 times", ratio >= commitTarget}}, nil
}

func commit(ctx context.Context, store *storage.Store, writers int) error {
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for range commitsEach / writers {
				errs[w] = errors.Join(errs[w], store.Transact(ctx, func(tx *storage.Tx) error {
					for r := range 5 {
						key := fmt.Sprintf("writer-%d/record-%d", w, r)
						if _, err := tx.Get(key); err != nil && !errors.Is(err, storage.ErrNotFound) {
							return err
						}
						tx.Put(key, make([]byte, 300))
					}
					return nil
				}))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
