package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"gocloud.dev/gcerrors"

	"reconnect.example/storage"
)

var (
	errEnded      = fmt.Errorf("bucket: %w: the writer has ended", storage.ErrInvalid)
	errNotDurable = fmt.Errorf("bucket: %w: gocloud's fileblob does not survive a loss of power; keep local files with storage/filestore", storage.ErrInvalid)
)

// writeError gives the error of a change the sentinel that fits.
func writeError(ctx context.Context, doing string, err error) error {
	sentinel := storage.ErrUnavailable
	switch code := gcerrors.Code(err); {
	case apiCode(err) == "QuotaExceeded", apiCode(err) == "XMinioStorageFull":
		sentinel = storage.ErrNoSpace
	case code == gcerrors.PermissionDenied:
		sentinel = storage.ErrReadOnly
	case code == gcerrors.FailedPrecondition:
		sentinel = storage.ErrExists
	}
	return describe(ctx, doing, sentinel, err)
}

// readError is for what changes nothing.
func readError(ctx context.Context, doing string, err error) error {
	return describe(ctx, doing, storage.ErrUnavailable, err)
}

// describe names the fault by what is known to be harmless. The text of a cloud's
// error holds the name of the object, and with it the id of a vault; errors end
// in logs, which would tell when a person used theirs. It may hold the whole URL
// of the request, which can be a key to the bucket.
func describe(ctx context.Context, doing string, sentinel, err error) error {
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("bucket: %s: %w", doing, ended)
	}
	return fmt.Errorf("bucket: %s: %w: %s", doing, sentinel, reason(err))
}

func reason(err error) string {
	answer := ""
	if code := status(err); code != 0 {
		answer = fmt.Sprintf(" (status %d)", code)
	}
	var network *net.OpError
	var request *url.Error
	switch code := apiCode(err); {
	case code != "":
		return code + answer
	case errors.As(err, &network):
		return network.Error() // addresses and nothing of the request
	case errors.As(err, &request):
		return innermost(request).Error() // such as a certificate; the URL is around it
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "the connection was cut" + answer
	}
	return gcerrors.Code(err).String() + answer
}

// apiCode is what the errors of S3 are called, or "".
func apiCode(err error) string {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// isNotFound says whether the object is not there. gocloud also says "not found"
// of a bucket that is gone and of an object that was moved to an archive.
func isNotFound(err error) bool {
	if gcerrors.Code(err) != gcerrors.NotFound {
		return false
	}
	code := apiCode(err)
	return code == "" || code == "NotFound" || code == "NoSuchKey"
}

func isMissing(err error) bool { return errors.Is(err, storage.ErrNotFound) }

// refused says whether the cloud understood the request and declined it for good,
// so that nothing was written.
func refused(err error) bool {
	if code := apiCode(err); code == "XMinioStorageFull" || gcerrors.Code(err) == gcerrors.PermissionDenied {
		return true
	}
	switch status := status(err); status {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusPreconditionFailed, http.StatusTooManyRequests:
		return false // it may stand for another try, and that one's outcome
	default:
		return status >= 400 && status < 500
	}
}

// status is that of the HTTP answer of S3, or 0.
func status(err error) int {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}
