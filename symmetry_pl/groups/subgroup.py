r"""One-parameter subgroups of the rotations SO(N), and what an orbit of a filter sees of a sample.

Conventions. A free square matrix A gives the antisymmetric S = (A − Aᵀ)/2 and G^t = exp(tS) for
every real t (SymmetryLens, section 4.1). Samples are columns, and G^t moves x to G^t x
(``OneParameterSubgroup.transform``). Filters are rows, and the orbit of φ holds φᵀ G^t
(``OneParameterSubgroup.orbit``), so that the response of the t-th row to G x is the response of
row t + 1 to x. With ``cycle_logarithm``, rows move up, e_kᵀ G = e_{k+1}ᵀ, and samples therefore
move down: (G x)_k = x_{k+1}.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = [
    "OneParameterSubgroup",
    "antisymmetric_part",
    "crop",
    "cycle_logarithm",
    "lift_matrix",
    "pad",
    "ring_logarithm",
]

_TAYLOR_RADIUS = 1e-3
_TAYLOR_TERMS = 4


class OneParameterSubgroup:
    r"""The rotations exp(tS), t real, of the antisymmetric part S of a square matrix.

    One Hermitian eigendecomposition, iS = V diag(λ) Vᴴ in complex128, serves all powers:
    exp(tS) = V diag(exp(−iλt)) Vᴴ. Gradients to A are the Fréchet derivative of the exponential,
    exact for degenerate spectra too, A = 0 among them. Results have the dtype of A.

    Make one object a step: it holds the decomposition of A as it was then.

    Args:
        parameter: A, ``(N, N)``, float32 or float64.

    Raises:
        ValueError: if A is not square, or neither float32 nor float64.

    >>> rotation = OneParameterSubgroup(torch.tensor([[0.0, torch.pi], [0.0, 0.0]]))
    >>> rotation.generator().round(decimals=4) + 0.0  # S = π/2 · [[0, 1], [−1, 0]]
    tensor([[ 0.,  1.],
            [-1.,  0.]])
    """

    def __init__(self, parameter: Tensor) -> None:
        if parameter.ndim != 2 or parameter.shape[0] != parameter.shape[1]:
            raise ValueError(f"a generator must be a square matrix, got {tuple(parameter.shape)}")
        if parameter.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"a generator must be float32 or float64, got {parameter.dtype}")
        self.dtype = parameter.dtype
        self._logarithm = antisymmetric_part(parameter.double())
        self._frequencies: Tensor
        self._vectors: Tensor
        with torch.no_grad():
            self._frequencies, self._vectors = torch.linalg.eigh(1j * self._logarithm)

    @property
    def size(self) -> int:
        """N, the dimension of the space that the subgroup rotates."""
        return len(self._logarithm)

    @property
    def frequencies(self) -> Tensor:
        """λ, ``(N,)``, ascending, in radians a unit of t; ±λ come in pairs. No gradient."""
        return self._frequencies.to(self.dtype)

    def logarithm(self) -> Tensor:
        """S, ``(N, N)``: the element of the Lie algebra so(N) with exp(S) = G."""
        return self._logarithm.to(self.dtype)

    def generator(self) -> Tensor:
        """G = exp(S), ``(N, N)``."""
        return self.power(1.0)

    def power(self, t: float) -> Tensor:
        """G^t = exp(tS), ``(N, N)``, for any real t."""
        return self.powers(self._logarithm.new_tensor([t]))[0]

    def powers(self, t: Tensor) -> Tensor:
        """G^t for every t of ``(K,)``, as ``(K, N, N)``, differentiable in A and t."""
        eye = torch.eye(self.size, dtype=torch.float64, device=self._logarithm.device)
        rows = eye.repeat(len(t), 1)
        return self._rows(rows, t.repeat_interleave(self.size)).view(len(t), self.size, self.size)

    def orbit(self, vector: Tensor, t: Tensor) -> Tensor:
        """vectorᵀ G^t for every t, without forming a power.

        Args:
            vector: ``(N,)``.
            t: ``(K,)``, real.

        Returns:
            ``(K, N)``, differentiable in A, the vector and t.
        """
        return self._rows(vector.expand(len(t), -1), t)

    def transform(self, x: Tensor, t: Tensor | float) -> Tensor:
        """G^t x of every sample: by one amount, or each by its own.

        Args:
            x: ``(B, N)``.
            t: ``(B,)``, or one number for all.

        Returns:
            ``(B, N)``, differentiable in A, x and t.
        """
        if not isinstance(t, Tensor):
            return x @ self.power(t).to(x.dtype).T
        # xᵀ exp(−tS) is the transpose of exp(tS) x, S being antisymmetric.
        return self._rows(x, -t.expand(len(x)))

    def _rows(self, x: Tensor, t: Tensor) -> Tensor:
        """x_bᵀ exp(t_b S), ``(B, N)``."""
        if x.shape[-1] != self.size:
            raise ValueError(f"this subgroup moves {self.size} numbers, not {x.shape[-1]}")
        rows: Tensor = _Flow.apply(
            self._logarithm, x.double(), t.double(), self._frequencies, self._vectors
        )
        return rows.to(self.dtype)


class _Flow(torch.autograd.Function):
    r"""y_b = x_bᵀ exp(t_b S), each row its own time, with the exact derivative in S.

    With iS = V diag(λ) Vᴴ, D = −iλ, a = xV and c = g V̄ for the gradient g of y, the Daleckii-Krein
    theorem gives ∂/∂S = Re[V̄ W Vᵀ] with

    .. math:: W_{pq} = \sum_b a_{bp} \Phi_{pq}(t_b) c_{bq}, \quad
        \Phi_{pq}(t) = \frac{e^{tD_p} - e^{tD_q}}{D_p - D_q},

    two matrix products and a division. Where (D_p − D_q) t is small the difference cancels; there
    Φ = Σ_n t^{n+1} e^{tD_q} (D_p − D_q)^n / (n + 1)! replaces it, which is t e^{tD_q} for p = q.
    """

    @staticmethod
    def forward(
        ctx: Any, logarithm: Tensor, x: Tensor, t: Tensor, frequencies: Tensor, vectors: Tensor
    ) -> Tensor:
        phase = torch.exp(-1j * torch.outer(t, frequencies))
        spectrum = x.to(vectors.dtype) @ vectors
        rows = ((spectrum * phase) @ vectors.mH).real
        ctx.save_for_backward(logarithm, t, frequencies, vectors, phase, spectrum, rows)
        return rows

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        logarithm, t, frequencies, vectors, phase, spectrum, rows = ctx.saved_tensors
        back = grads[0].to(vectors.dtype) @ vectors.conj()
        turned = phase * back
        to_logarithm = to_x = to_t = None
        if ctx.needs_input_grad[0]:
            weights = _divided_differences(spectrum, back, t, frequencies, phase)
            to_logarithm = (vectors.conj() @ weights @ vectors.mT).real
        if ctx.needs_input_grad[1]:
            to_x = (turned @ vectors.mT).real
        if ctx.needs_input_grad[2]:
            to_t = ((rows @ logarithm) * grads[0]).sum(1)
        return to_logarithm, to_x, to_t, None, None


def _divided_differences(
    spectrum: Tensor, back: Tensor, t: Tensor, frequencies: Tensor, phase: Tensor
) -> Tensor:
    """Σ_b a_bp Φ_pq(t_b) c_bq, ``(N, N)``, with a, c and exp(tD) given, as in ``_Flow``."""
    gap = frequencies[:, None] - frequencies
    near = gap.abs() * t.abs().amax() < _TAYLOR_RADIUS
    turned = phase * back
    difference = (spectrum * phase).mT @ back - spectrum.mT @ turned
    apart = difference / (-1j * torch.where(near, torch.ones_like(gap), gap))
    together = torch.zeros_like(apart)
    step = -1j * torch.where(near, gap, torch.zeros_like(gap))
    factor = torch.ones_like(step)
    for order in range(1, _TAYLOR_TERMS + 1):
        turned = turned * (t / order)[:, None]
        together += factor * (spectrum.mT @ turned)
        factor = factor * step
    return torch.where(near, together, apart)


def antisymmetric_part(matrix: Tensor) -> Tensor:
    """(A − Aᵀ)/2."""
    return (matrix - matrix.mT) / 2


def pad(vector: Tensor, padding: int) -> Tensor:
    """Put as many zeros before as after the last axis: ``(…, d)`` to ``(…, d + 2 padding)``."""
    return torch.nn.functional.pad(vector, (padding, padding))


def crop(matrix: Tensor, size: int) -> Tensor:
    """The central ``size`` × ``size`` block of a square matrix.

    Raises:
        ValueError: if there is no central block, the margins being uneven or negative.
    """
    margin = _margin(matrix.shape[-1], size)
    return matrix[..., margin : margin + size, margin : margin + size]


def _margin(whole: int, part: int) -> int:
    margin, odd = divmod(whole - part, 2)
    if margin < 0 or odd:
        raise ValueError(
            f"{part} numbers cannot lie in the middle of {whole}: the padding must be the same "
            "on both sides, and not negative"
        )
    return margin


def cycle_logarithm(
    size: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
) -> Tensor:
    r"""The exact real logarithm of the shift on a cycle.

    .. math:: S_{ij} = \frac{(-1)^{i-j}\, \pi}{n \sin(\pi (i - j) / n)}, \quad S_{ii} = 0

    exp(S) moves rows up, e_kᵀ exp(S) = e_{k+1}ᵀ, and samples down. For odd n the cycle closes,
    e_{n−1} to e_0. A cycle of even length has determinant −1 and no real logarithm; there the same
    formula closes it with a sign, e_{n−1} to −e_0.

    Args:
        size: n ≥ 1.
        dtype: of the result; the default dtype if None. Computed in float64.
        device: of the result.

    Returns:
        ``(n, n)``, antisymmetric: a parameter for ``OneParameterSubgroup`` as it is.

    >>> OneParameterSubgroup(cycle_logarithm(3)).generator().abs().round()
    tensor([[0., 1., 0.],
            [0., 0., 1.],
            [1., 0., 0.]])
    """
    index = torch.arange(size, device=device)
    lag = index[:, None] - index
    sine = torch.sin(torch.pi * lag.double() / size)
    sign = 1 - 2 * (lag % 2)
    entries = torch.pi * sign.double() / (size * torch.where(lag == 0, torch.ones_like(sine), sine))
    return entries.masked_fill(lag == 0, 0.0).to(dtype or torch.get_default_dtype())


def ring_logarithm(
    size: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
) -> Tensor:
    r"""A real logarithm of the shift on a ring, in two more dimensions where the ring is even.

    For odd n it is ``cycle_logarithm``. The shift of an even ring turns the alternating vector
    a = (1, −1, 1, …)/√n round, so that its determinant is −1. With a dimension e on either side, of
    which one is turned round too, it is a rotation, by π in the plane of a and e:

    .. math:: S = \begin{pmatrix} S_\mathrm{ring} & \pi a \\ -\pi a^\top & 0 \end{pmatrix}, \quad
        (S_\mathrm{ring})_{ij} = \frac{(-1)^{i-j}\,\pi}{n \tan(\pi (i - j) / n)}

    What exp(tS) does within the ring is the interpolation by waves of the fewest oscillations: a
    becomes a cos πt, and the rest of a is out of the ring for any t but a whole number.

    Args:
        size: n ≥ 3.
        dtype: of the result; the default dtype if None. Computed in float64.
        device: of the result.

    Returns:
        ``(n, n)`` for odd n, else ``(n + 2, n + 2)``, the ring in the middle; antisymmetric.

    >>> shift = crop(OneParameterSubgroup(ring_logarithm(4)).generator(), 4)
    >>> shift.round().abs()
    tensor([[0., 1., 0., 0.],
            [0., 0., 1., 0.],
            [0., 0., 0., 1.],
            [1., 0., 0., 0.]])
    """
    if size % 2:
        return cycle_logarithm(size, dtype, device)
    index = torch.arange(size, device=device)
    lag = index[:, None] - index
    tangent = torch.tan(torch.pi * lag.double() / size)
    sign = 1 - 2 * (lag % 2)
    entries = torch.pi * sign.double() / (size * torch.where(lag == 0, torch.inf, tangent))
    alternating = torch.pi * (1 - 2 * (index % 2)).double() / size**0.5
    whole = torch.zeros(size + 2, size + 2, dtype=torch.float64, device=device)
    whole[1:-1, 1:-1] = entries
    whole[1:-1, -1], whole[-1, 1:-1] = alternating, -alternating
    return whole.to(dtype or torch.get_default_dtype())


def lift_matrix(
    subgroup: OneParameterSubgroup, resolving_filter: Tensor, positions: Tensor | None = None
) -> Tensor:
    r"""The group convolution matrix (SymmetryLens, eq. 11): the orbit of a filter as rows.

    .. math:: L_k = \mathrm{crop}\left(\mathrm{pad}(\varphi)^\top G^{p_k}\right), \quad
        p_k = k - (d - 1) / 2

    y = L x then has y_k = φᵀ G^{p_k} x on the padded space. The filter is padded with zeros to the
    size N of the subgroup and the rows are cropped, without being normalised again; on a ring,
    N = d and nothing is padded. For even d the powers are half-integers.

    Args:
        subgroup: acts on N numbers, N − d even and not negative.
        resolving_filter: φ, ``(d,)``, already normalised.
        positions: p, ``(K,)``; −(d − 1)/2 … (d − 1)/2 if None.

    Returns:
        L, ``(K, d)``, differentiable in A and φ.

    Raises:
        ValueError: if the filter cannot lie in the middle of the subgroup's space.

    >>> middle = torch.tensor([0.0, 1.0, 0.0])
    >>> lift_matrix(OneParameterSubgroup(cycle_logarithm(3)), middle).round() + 0.0
    tensor([[1., 0., 0.],
            [0., 1., 0.],
            [0., 0., 1.]])
    """
    d = len(resolving_filter)
    margin = _margin(subgroup.size, d)
    if positions is None:
        positions = torch.arange(d, device=resolving_filter.device) - (d - 1) / 2
    rows = subgroup.orbit(pad(resolving_filter, margin), positions)
    return rows[:, margin : margin + d]
