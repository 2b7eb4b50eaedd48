package check

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// apart is how far clocks may be apart.
const apart = 5 * time.Second

// clock holds this machine's clock against that of the store of documents, the
// one service that tells its time to whoever asks. A witness counts time by
// itself, and PostgreSQL is never asked for it.
func (k *checker) clock(ctx context.Context) {
	const part = "clock"
	endpoint := k.timeTeller()
	if endpoint == "" {
		return
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, endpoint, nil)
	if err != nil {
		return // an endpoint that is no address was told with the documents
	}
	teller := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	asked := k.now()
	answer, err := teller.Do(request)
	if err != nil {
		return // likewise
	}
	_ = answer.Body.Close()
	theirs, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return
	}
	// They tell full seconds.
	switch ahead := asked.Sub(theirs); {
	case ahead > apart:
		k.warn(part, setClocks, "The clock of this machine is %s ahead of that of the store of documents.", ahead.Round(time.Second))
	case theirs.Sub(k.now()) > apart:
		k.warn(part, setClocks, "The clock of this machine is %s behind that of the store of documents.", (-ahead).Round(time.Second))
	default:
		k.good(part, "The clock of this machine agrees with that of the store of documents.")
	}
}

const setClocks = "Set the clocks by NTP: sessions, uploads and waits are counted by whichever server comes along."

// timeTeller is the address of the store of documents, if it is one of S3.
func (k *checker) timeTeller() string {
	u, err := url.Parse(k.c.Blobs.Reveal())
	if err != nil || u.Scheme != "s3" {
		return ""
	}
	if endpoint := u.Query().Get("endpoint"); endpoint != "" {
		return endpoint
	}
	if region := u.Query().Get("region"); region != "" {
		return "https://s3." + region + ".amazonaws.com"
	}
	return ""
}
