package wsconn

import "time"

// Bucket is a token bucket. It belongs to one goroutine.
type Bucket struct {
	perSecond, burst, tokens float64
	at                       time.Time
}

// NewBucket returns a full bucket.
func NewBucket(perSecond, burst float64) Bucket {
	return Bucket{perSecond: perSecond, burst: burst, tokens: burst}
}

// Take takes a token, if there is one.
func (b *Bucket) Take(now time.Time) bool {
	if !b.at.IsZero() {
		b.tokens = min(b.burst, b.tokens+now.Sub(b.at).Seconds()*b.perSecond)
	}
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
