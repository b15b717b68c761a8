"""Densities of VAEs with and without poses, where log p(x) has a closed form."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal

from symmetry_pl.groups import ImageGroup
from symmetry_pl.information.importance import importance_bound
from symmetry_pl.sgm.gaussian_vae import GaussianVAE, normal_log_prob, raw_scale
from symmetry_pl.sgm.posed_vae import PosedVAE, PoseNoise, wrapped_log_prob

PIXELS, CODES = 6, 2


class Linear(nn.Module):
    """Linear networks of images of one row."""

    def __init__(self, seed=0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.loading = 0.7 * torch.randn(PIXELS, CODES, generator=generator, dtype=torch.float64)
        self.offset = torch.linspace(-1, 2, PIXELS, dtype=torch.float64)
        self.gain, self.raw = torch.zeros(CODES, PIXELS, dtype=torch.float64), 0.0

    def encoder(self, x):
        mean = (x.flatten(1) - self.offset) @ self.gain.T
        return torch.cat([mean, torch.full_like(mean, self.raw)], 1)

    def decoder(self, z):
        return (z @ self.loading.T + self.offset).view(-1, 1, 1, PIXELS)


def linear_vae(noise=0.4, seed=0):
    """A linear-Gaussian VAE whose posterior mean is the exact one, and whose width is not."""
    networks = Linear(seed)
    vae = GaussianVAE(networks, CODES, (1, 1, PIXELS)).double()
    with torch.no_grad():
        vae.prior_mean.copy_(torch.tensor([0.3, -0.2]))
        vae.raw_prior_scale.copy_(raw_scale(torch.tensor([0.9, 1.2]).double()))
        scales = noise * torch.linspace(0.8, 1.2, PIXELS, dtype=torch.float64)
        vae.raw_noise.copy_(raw_scale(scales.view(1, 1, PIXELS)))
        precision = networks.loading.T / scales.square()
        covariance = (precision @ networks.loading + torch.diag(prior_scale(vae) ** -2)).inverse()
        networks.gain = covariance @ precision
        shift = covariance @ (vae.prior_mean / prior_scale(vae).square())
        networks.raw = float(raw_scale(torch.tensor(0.5))) - float(raw_scale(torch.tensor(1.0)))
        encoder = networks.encoder
        networks.encoder = lambda x: encoder(x) + torch.cat([shift, torch.zeros_like(shift)])
    return vae


def prior_scale(vae):
    return 0.01 + nn.functional.softplus(vae.raw_prior_scale)


def moments(vae):
    """Mean and covariance of decoded images without their noise."""
    loading, offset = vae.networks.loading, vae.networks.offset
    covariance = loading @ torch.diag(prior_scale(vae).square()) @ loading.T
    return loading @ vae.prior_mean + offset, covariance


def bounds(weights, samples=30_000, chunk=1000):
    """Bound of images and its standard error relative to a given log p."""
    drawn = []

    def draw(number, count):
        drawn.append(weights(count))
        return drawn[-1]

    bound = importance_bound(draw, samples, chunk)
    spread = torch.cat(drawn).double()
    relative = (spread - bound).exp()
    return bound, relative.std(0) / samples**0.5


@torch.no_grad()
def test_a_linear_gaussian_vae_has_its_exact_likelihood():
    vae = linear_vae()
    mean, covariance = moments(vae)
    exact = MultivariateNormal(mean, covariance + torch.diag(vae.noise_scale.flatten().square()))
    torch.manual_seed(0)
    x = exact.sample((5,))
    bound, error = bounds(
        lambda count: vae.log_weights(
            x.view(5, 1, 1, PIXELS), torch.randn(count, 5, CODES, dtype=torch.float64)
        )
    )
    assert bool((error < 0.05).all())
    assert bool(((bound - exact.log_prob(x)).abs() < 3 * error).all())


class Ring(ImageGroup):
    """Cyclic shifts by whole pixels: η in [0, n) moves by its whole part."""

    def __init__(self, periodic=True):
        super().__init__(
            ["shift"], ["pixels"], [PIXELS / 2], (1,), [PIXELS / 2],
            [PIXELS if periodic else None],
        )  # fmt: skip

    def element(self, eta):
        return eta.floor()

    def coordinates(self, element):
        return element

    def identity(self, count, *, dtype=None, device=None):
        return torch.zeros(count, 1, dtype=dtype, device=device)

    def compose(self, first, then):
        return first + then

    def inverse(self, element):
        return -element

    def apply(self, element, x):
        places = (torch.arange(PIXELS) - element.long()) % PIXELS
        return x.gather(3, places[:, None, None, :].expand(x.shape))


class RingPoses:
    """p(η | x̂) uniform, and f that says the brightest pixel and is wrong in half of the cases."""

    def __init__(self, periodic=True):
        self.group = Ring(periodic)
        self.generative = self

    def inference(self, x):
        return x.flatten(1).argmax(1, keepdim=True).to(x) - (PIXELS - 1)

    def coordinates(self, element):
        return torch.remainder(element, PIXELS) + 0.5

    def log_prob(self, eta, prototypes):
        inside = (eta[:, 0] >= 0) & (eta[:, 0] < PIXELS)
        if self.group.periods[0] is not None:
            inside = torch.ones_like(inside)
        density = torch.full_like(eta[:, 0], -math.log(PIXELS))
        return density.masked_fill(~inside, -math.inf)


def posed_ring(periodic=True):
    poses, vae = RingPoses(periodic), linear_vae()
    noise = PoseNoise(poses.group, (1, 1, PIXELS), 0.6).double()
    with torch.no_grad():
        scales = torch.linspace(0.3, 0.7, PIXELS, dtype=torch.float64)
        noise.raw_noise.copy_(raw_scale(scales.view(1, 1, PIXELS)))
    return PosedVAE(vae, poses, noise)


def ring_likelihood(posed, x):
    """log of the mean over all shifts of the exact Gaussian densities."""
    mean, covariance = moments(posed.vae)
    noise = torch.diag(posed.noise.scale.flatten().square())
    found = []
    for k in range(PIXELS):
        moved = torch.roll(covariance, (k, k), (0, 1)) + noise
        found.append(MultivariateNormal(torch.roll(mean, k), moved).log_prob(x))
    return torch.logsumexp(torch.stack(found), 0) - math.log(PIXELS)


def ring_images(posed, count):
    """Draws of the model itself."""
    mean, covariance = moments(posed.vae)
    decoded = MultivariateNormal(mean, covariance + 1e-9 * torch.eye(PIXELS)).sample((count,))
    shift = torch.randint(0, PIXELS, (count, 1)).double()
    moved = posed.sgm.group.apply(shift, decoded.view(-1, 1, 1, PIXELS))
    return moved + posed.noise.scale * torch.randn(moved.shape, dtype=torch.float64)


def draw(posed, x, count):
    noise = torch.randn(count * len(x), 1 + CODES, dtype=torch.float64)
    return posed.draw(x.repeat(count, 1, 1, 1), posed.pose(x).repeat(count, 1), noise)


@torch.no_grad()
@pytest.mark.parametrize("periodic", [True, False])
def test_the_bound_of_images_is_that_of_the_sum_over_the_group(periodic):
    torch.manual_seed(1)
    posed = posed_ring(periodic)
    x = ring_images(posed, 4)
    bound, error = bounds(
        lambda count: posed.image_log_weight(draw(posed, x, count)).view(count, 4), 100_000
    )
    exact = ring_likelihood(posed, x.view(4, PIXELS))
    assert bool((error < 0.1).all())
    assert bool(((bound - exact).abs() < 3 * error).all()), (bound, exact, error)


@torch.no_grad()
def test_the_published_bound_is_no_density_of_images():
    """Prototypes of all images alike: it says the same of every image of an orbit, and more."""
    torch.manual_seed(2)
    posed = posed_ring()
    x = ring_images(posed, 200)
    found = draw(posed, x, 50)
    images, prototypes = (
        importance_bound(lambda i, n, w=w: w.view(50, 200), 50, 50).mean()
        for w in (posed.image_log_weight(found), posed.prototype_log_weight(found))
    )
    exact = ring_likelihood(posed, x.view(200, PIXELS)).mean()
    assert images < exact
    # with less noise on prototypes, which no image has, the published figure grows without bound
    with torch.no_grad():
        posed.vae.raw_noise.copy_(raw_scale(torch.full((1, 1, PIXELS), 0.02).double()))
    x = posed.vae.decode(torch.zeros(1, CODES, dtype=torch.float64)).expand(8, -1, -1, -1)
    found = draw(posed, x, 50)
    assert posed.prototype_log_weight(found).max() > posed.image_log_weight(found).max() + 5
    assert torch.isfinite(prototypes)


def test_a_group_that_does_nothing_leaves_the_vae():
    """With T = identity and p(η | x̂) = q(η | x) both weights are the VAE's own."""
    vae = linear_vae()
    poses = RingPoses()
    poses.inference = lambda x: torch.zeros(len(x), 1, dtype=x.dtype)
    poses.group.element = lambda eta: torch.zeros_like(eta)
    noise = PoseNoise(poses.group, (1, 1, PIXELS), 0.1).double()
    poses.log_prob = lambda eta, seen: wrapped_log_prob(
        eta - 0.5, noise.spread, poses.group.periods
    )
    with torch.no_grad():
        noise.raw_noise.copy_(vae.raw_noise)
        posed = PosedVAE(vae, poses, noise)
        x = torch.randn(3, 1, 1, PIXELS, dtype=torch.float64)
        given = torch.randn(3, 1 + CODES, dtype=torch.float64)
        found = posed.draw(x, posed.pose(x), given)
        plain = vae.log_weights(x, given[None, :, 1:])[0]
    assert torch.allclose(posed.image_log_weight(found), plain)
    assert torch.allclose(posed.prototype_log_weight(found), plain)
    assert torch.allclose(posed.code_log_weight(found), plain)


def test_wrapped_densities_sum_to_one():
    period, scale = 3.0, torch.tensor([1.2], dtype=torch.float64)
    line = torch.linspace(0, period, 3001, dtype=torch.float64)[:-1, None] + 5 * period
    density = wrapped_log_prob(line, scale, [period]).exp()
    assert density.mean().item() * period == pytest.approx(1.0, abs=1e-5)
    plain = wrapped_log_prob(line[:5], scale, [None])
    assert torch.allclose(plain, Normal(0.0, scale).log_prob(line[:5])[:, 0])


def test_densities_of_images_and_codes():
    x, mean = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    scale = torch.rand(3, 4, 5) + 0.1
    expected = Normal(mean, scale).log_prob(x).sum((1, 2, 3))
    assert torch.allclose(normal_log_prob(x, mean, scale, 3), expected, rtol=1e-4)
    scalar = normal_log_prob(torch.zeros(7, 2), torch.zeros(2), torch.ones(2))
    assert torch.allclose(scalar, torch.full((7,), -math.log(2 * math.pi)))


def test_a_code_needs_a_column():
    with pytest.raises(ValueError, match="latent_dim must be at least 1"):
        GaussianVAE(Linear(), 0, (1, 1, PIXELS))


def test_spreads_start_where_they_are_told():
    group = SimpleNamespace(dim=2, bounds=(0.5, 0.0))
    noise = PoseNoise(group, (1, 2, 3), torch.tensor([0.1, 0.2]))
    assert torch.allclose(noise.spread, torch.tensor([0.05, 0.2]))  # what is never drawn: its own
    assert torch.allclose(noise.scale, torch.ones(1, 2, 3))
