package api

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Paged is which part of a list is asked for.
type Paged struct {
	After string `query:"after" pattern:"^[0-9a-z-]{1,80}$" doc:"The \"next\" of the page before."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many on a page at most."`
}

// Next is where the following page of a list begins.
type Next struct {
	Next string `json:"next,omitempty" doc:"For \"after\"; missing on the last page."`
}

// page cuts one page out of a list. key puts the list into its order and is the cursor,
// so that what is added or goes between two pages makes nothing else appear twice or not
// at all. A cursor stands in addresses, and so in the logs of proxies: it is made of ids
// and instants, and never of a name.
func page[T any](in Paged, all []T, key func(T) string) ([]T, Next) {
	all = slices.DeleteFunc(slices.Clone(all), func(one T) bool { return key(one) <= in.After })
	slices.SortStableFunc(all, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	if len(all) <= in.Limit {
		return all, Next{}
	}
	all = all[:in.Limit]
	return all, Next{key(all[in.Limit-1])}
}

// oldestFirst and newestFirst are keys of what happened at an instant; id tells apart what
// happened at the same.
func oldestFirst(at time.Time, id string) string {
	return fmt.Sprintf("%016x-%s", uint64(at.UnixMilli()), id)
}

func newestFirst(at time.Time, id string) string {
	return fmt.Sprintf("%016x-%s", ^uint64(at.UnixMilli()), id)
}

// digestKey is the key of what has no id of this form.
func digestKey(of []byte) string {
	digest := sha256.Sum256(of)
	return hex.EncodeToString(digest[:16])
}

// numbered is the key of what is counted from 1.
func numbered(n uint64) string { return fmt.Sprintf("%016x", n) }
