"""Colour models: mixtures of Gaussians, and the EM that fits them."""

import numpy as np
import pytest

from visualize.mixture import FLOOR, Mixture, fit_mixture, products


def random_mixture(rng, K=3, d=3):
    A = rng.standard_normal((K, d, d)) * 0.05
    return Mixture(rng.dirichlet(np.ones(K)), rng.random((K, d)), A @ A.transpose(0, 2, 1) + 1e-3 * np.eye(d))


def drawn_from(mixture, rng, n):
    """n colours of a mixture."""
    which = rng.choice(len(mixture.weights), n, p=mixture.weights)
    return np.array([rng.multivariate_normal(mixture.means[k], mixture.covariances[k]) for k in which])


@pytest.mark.parametrize("d", [1, 3])
def test_the_log_density_is_that_of_scipys_gaussians(rng, d):
    from scipy.stats import multivariate_normal

    mixture = random_mixture(rng, d=d)
    x = rng.random((4, 5, d))
    parts = zip(mixture.weights, mixture.means, mixture.covariances, strict=True)
    density = sum(weight * multivariate_normal(mean, covariance).pdf(x) for weight, mean, covariance in parts)
    assert mixture.log_density(x).shape == (4, 5)
    np.testing.assert_allclose(mixture.log_density(x), np.log(density).reshape(4, 5), rtol=1e-9)


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_a_uniform_share_adds_to_the_density_what_its_share_of_1_is(rng, share):
    from scipy.stats import multivariate_normal

    plain = random_mixture(rng)
    mixture = Mixture(plain.weights, plain.means, plain.covariances, uniform=share)
    x = np.concatenate([rng.random((20, 3)), plain.means])
    parts = zip(plain.weights, plain.means, plain.covariances, strict=True)
    density = sum(weight * multivariate_normal(mean, covariance).pdf(x) for weight, mean, covariance in parts)
    np.testing.assert_allclose(np.exp(mixture.log_density(x)), (1 - share) * density + share, rtol=1e-9)
    assert density.max() > 10 * share > 1000 * density.min()  # both parts count somewhere


def test_the_uniform_share_is_mixed_in_after_the_fit(rng):
    x = rng.random((500, 3))
    plain, mixed = fit_mixture(x, 3), fit_mixture(x, 3, uniform=0.05)
    assert (plain.uniform, mixed.uniform) == (0.0, 0.05)
    for name in ("weights", "means", "covariances"):
        assert np.array_equal(getattr(plain, name), getattr(mixed, name))


def test_a_colour_far_from_every_gaussian_has_a_finite_log_density(rng):
    value = random_mixture(rng).log_density(np.full((1, 3), 1000.0))[0]
    assert np.isfinite(value)
    assert value < -1e4


def test_the_fit_explains_colours_as_well_as_the_mixture_that_they_were_drawn_from(rng):
    true = Mixture(
        np.array([0.5, 0.3, 0.2]),
        np.array([[0.2, 0.3, 0.4], [0.7, 0.7, 0.2], [0.4, 0.8, 0.9]]),
        np.array([np.diag([2e-3, 1e-3, 3e-3]), np.full((3, 3), 1e-3) + 5e-4 * np.eye(3), 1e-3 * np.eye(3)]),
    )
    seen, held_out = drawn_from(true, rng, 3000), drawn_from(true, rng, 3000)
    fitted = fit_mixture(seen, 3)
    assert fitted.log_density(held_out).mean() > true.log_density(held_out).mean() - 0.02
    order = np.argsort(-fitted.weights)
    np.testing.assert_allclose(fitted.weights[order], true.weights, atol=0.03)
    np.testing.assert_allclose(fitted.means[order], true.means, atol=0.01)
    np.testing.assert_allclose(fitted.covariances[order], true.covariances, atol=3e-4)


def test_one_component_is_the_mean_and_the_covariance_of_the_colours(rng):
    x = rng.random((500, 3))
    fitted = fit_mixture(x, 1)
    np.testing.assert_allclose(fitted.means[0], x.mean(axis=0))
    np.testing.assert_allclose(fitted.covariances[0], np.cov(x.T, bias=True) + FLOOR * np.eye(3), rtol=1e-9)


def test_more_components_explain_the_colours_better(chelsea):
    x = chelsea[::4, ::4].reshape(-1, 3) / 255
    likelihoods = [fit_mixture(x, K).log_density(x).mean() for K in (1, 2, 5)]
    assert likelihoods[0] + 0.1 < likelihoods[1] < likelihoods[2] - 0.1


def test_the_same_colours_give_the_same_mixture(chelsea):
    x = chelsea.reshape(-1, 3) / 255
    first, second = fit_mixture(x, 5), fit_mixture(x, 5)
    assert np.array_equal(first.means, second.means)
    assert np.array_equal(first.covariances, second.covariances)


def test_fewer_colours_than_components_make_as_many_components_as_colours(rng):
    x = rng.random((3, 3))
    fitted = fit_mixture(x, 5)
    assert len(fitted.weights) == 3
    np.testing.assert_allclose(sorted(fitted.means[:, 0]), sorted(x[:, 0]), atol=1e-6)


def test_colours_all_alike_and_colours_on_a_line_have_a_finite_density(rng):
    flat = fit_mixture(np.full((100, 3), 0.3), 5)
    assert np.isfinite(flat.log_density(rng.random((50, 3)))).all()
    assert flat.weights.sum() == pytest.approx(1)
    grey = fit_mixture(np.repeat(rng.random((100, 1)), 3, axis=1), 5)
    assert np.isfinite(grey.log_density(rng.random((50, 3)))).all()


@pytest.mark.parametrize(("colours", "components"), [(0, 5), (10, 0)])
def test_no_colours_or_no_components_are_refused(colours, components):
    with pytest.raises(ValueError, match=rf"{components} Gaussians to {colours} colours"):
        fit_mixture(np.zeros((colours, 3)), components)


def test_the_products_are_those_of_one_and_the_colour(rng):
    x = rng.random(3)
    expected = np.outer([1, *x], [1, *x]).ravel()
    np.testing.assert_allclose(products(x[None])[0], expected)
