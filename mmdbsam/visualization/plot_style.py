"""The style of plots, on pages and in files of their own."""

# The keys are those of matplotlib's rcParams.
PLOT_STYLE = {
    'font.size': 9, 'axes.spines.top': False, 'axes.spines.right': False,
    'axes.grid': True, 'grid.alpha': 0.15, 'axes.axisbelow': True,
    'axes.linewidth': 0.6, 'legend.frameon': False, 'legend.fontsize': 9,
}
