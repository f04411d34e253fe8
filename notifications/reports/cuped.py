"""What customers spent before explains part of what they spend now; taking that part off narrows the interval.

Deng, A., Xu, Y., Kohavi, R. and Walker, T. (2013). Improving the sensitivity of online controlled experiments by
utilizing pre-experiment data. WSDM '13, 123-132. What lies before the campaign cannot be changed by it, so the estimate
stays unbiased.
"""

from dataclasses import dataclass

from notifications.reports.statistics import Interval, Sample, difference_of_means


@dataclass(frozen=True)
class Paired:
    """A sample of `now` and `before` of the same customers, as the sums that SQL gives."""

    size: int
    now: float
    now_squares: float
    before: float
    before_squares: float
    products: float

    @property
    def spread_before(self) -> float:
        """Sum of the squared deviations of `before` from their mean."""
        return self.before_squares - self.before**2 / self.size if self.size else 0.0

    @property
    def together(self) -> float:
        """Sum of the products of the deviations of `now` and `before`."""
        return self.products - self.now * self.before / self.size if self.size else 0.0

    def adjusted(self, slope: float, *, usual: float) -> Sample:
        """`now` less what `before` explains of it: `slope` for each unit above or below the `usual`."""
        plain = Sample.from_sums(self.size, self.now, self.now_squares)
        if self.size < 2:
            return plain
        explained = (2 * slope * self.together - slope**2 * self.spread_before) / (self.size - 1)
        mean = plain.mean - slope * (self.before / self.size - usual)
        return Sample(self.size, mean, max(0.0, plain.variance - explained))


@dataclass(frozen=True)
class Adjusted:
    """A difference of means, and which share of the variance the time before has explained."""

    difference: Interval
    explained: float


def adjusted_difference(one: Paired, other: Paired, *, z: float) -> Adjusted | None:
    """The first mean less the other, adjusted; None where a variance cannot be estimated.

    The slope is that of both arms together; without any spread before it is 0, and the difference the plain one.
    """
    spread = one.spread_before + other.spread_before
    slope = (one.together + other.together) / spread if spread > 0 else 0.0
    size = one.size + other.size
    usual = (one.before + other.before) / size if size else 0.0
    samples = [arm.adjusted(slope, usual=usual) for arm in (one, other)]
    difference = difference_of_means(*samples, z=z)
    if difference is None:
        return None
    plain = [Sample.from_sums(arm.size, arm.now, arm.now_squares) for arm in (one, other)]
    error, plain_error = (sum(sample.variance / sample.size for sample in each) for each in (samples, plain))
    return Adjusted(difference, 1 - error / plain_error)
